"""The wheel of this checkout, and a repository outside it whose environment has the wheel installed."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.checkout import copy_checkout

__all__ = ["PROJECT", "WheelEnvironment", "build_wheel", "environment_in"]

PROJECT = "sea-snails"
# Variables of this run that must not lead the commands back to the checkout, or to another AWS.
OWN = ("AWS_", "CDK_", "SAGEMAKER_", "JSII_", "PYTHONPATH", "PYTEST_", "VIRTUAL_ENV")


@dataclass(frozen=True)
class WheelEnvironment:
    """Where the wheel is installed.

    Attributes:
        wheel: the wheel.
        project: the repository that `modelyard init` wrote, after `make env`: `.venv` has the wheel with the extras
            that a team needs, `node_modules` the CDK's command line.
    """

    wheel: Path
    project: Path

    @property
    def programs(self) -> list[Path]:
        """The folders of `python`, `modelyard`, `aws`, `node` and of `cdk`, for PATH."""
        return [self.project / ".venv" / "bin", self.project / "node_modules" / ".bin"]

    def run(
        self, *words: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command, by default in `project`; with `check`, a non-zero exit fails the test and shows what it said.

        It finds the programs of the environment, unless `env` has another PATH, and knows of no AWS but that of `env`.
        """
        path = os.pathsep.join(map(str, [*self.programs, _path()]))
        return run(*words, cwd=cwd or self.project, env={"PATH": path, **(env or {})}, check=check)


def run(*words: str | Path, cwd: Path, env: Mapping[str, str], check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command outside the checkout, with `env` besides what the machine has."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env={**kept, "PATH": _path(), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if check:
        assert done.returncode == 0, f"{words}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
    return done


def build_wheel(folder: Path) -> Path:
    """The wheel of a copy of the checkout, in which nothing is left of an earlier build."""
    source = copy_checkout(folder / "source").folder
    run(_uv(), "build", "--quiet", "--wheel", "--out-dir", folder / "dist", cwd=source, env={})
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


@contextmanager
def environment_in(folder: Path, user: str) -> Iterator[WheelEnvironment]:
    """The environment, made by the first of the processes that share `folder`; the last one removes it.

    Installed, it takes gigabytes: none may stay in pytest's folders.
    """
    folder.mkdir(exist_ok=True)
    place = folder / "made"
    with _locked(folder):
        if not (folder / "ready").exists():
            shutil.rmtree(place, ignore_errors=True)
            _make(place)
            (folder / "ready").touch()
        (folder / f"user-{user}").touch()
    try:
        yield WheelEnvironment(next(place.glob("dist/*.whl")), place / PROJECT)
    finally:
        with _locked(folder):
            (folder / f"user-{user}").unlink()
            if not list(folder.glob("user-*")):
                (folder / "ready").unlink()
                shutil.rmtree(place, ignore_errors=True)


def _make(place: Path) -> None:
    """As a team would: install the wheel alone, write the repository with it, make the repository's environment."""
    wheel = build_wheel(place)
    tool, project = place / "tool", place / PROJECT
    run(_uv(), "venv", "--quiet", "--python", sys.executable, tool, cwd=place, env={})
    run(_uv(), "pip", "install", "--quiet", wheel, cwd=place, env={"VIRTUAL_ENV": str(tool)})
    run(tool / "bin" / "modelyard", "init", project, "--project", PROJECT, cwd=place, env={})
    shutil.rmtree(tool)
    (project / "wheels").mkdir()
    shutil.copy(wheel, project / "wheels")
    run("make", "env", f"PYTHON={sys.executable}", cwd=project, env={})


def _uv() -> Path:
    return Path(sys.executable).with_name("uv")


def _path() -> str:
    """This run's PATH without the programs of the checkout."""
    own = Path(__file__).parents[2]
    places = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(place for place in places if not Path(place).is_relative_to(own))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
