"""A copy of the checkout, in which commands run as a user types them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "Checkout", "copy_checkout"]

ROOT = Path(__file__).resolve().parents[2]
# Made once a machine, and the same for every copy.
SHARED = (".venv", "node_modules")
# `make env` must find what is shared up to date: it would install the copy in the place of the checkout.
MADE_FROM = ("pyproject.toml", "requirements-dev.txt", "package.json", "package-lock.json")
LONG_AGO = 1_577_836_800


@dataclass(frozen=True)
class Checkout:
    """A checkout in ``folder``; its local AWS must be taken down with `close`."""

    folder: Path

    def environment(self) -> dict[str, str]:
        """A shell's environment that knows of no AWS and finds the copy's own modules first."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "CDK_", "SAGEMAKER_"))}
        tools = f"{self.folder}/.venv/bin:{self.folder}/node_modules/.bin"
        return {**kept, "PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": str(self.folder)}

    def run(
        self, *words: str, env: Mapping[str, str] | None = None, timeout: float = 600
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the checkout; its output is captured, its exit code is for the caller to look at."""
        return subprocess.run(
            words,
            cwd=self.folder,
            env={**self.environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def close(self) -> None:
        """Take down whatever local AWS runs in it."""
        for home in (self.folder, *(self.folder / ".cache").glob("demo*")):
            if (home / ".modelyard").is_dir():
                self.run("modelyard", "local", "down", "--project", str(home))


def copy_checkout(target: Path) -> Checkout:
    """Copy what git tracks or would track to ``target``."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    for name in MADE_FROM:
        os.utime(target / name, (LONG_AGO, LONG_AGO))
    for name in SHARED:
        (target / name).symlink_to(ROOT / name)
    return Checkout(target)
