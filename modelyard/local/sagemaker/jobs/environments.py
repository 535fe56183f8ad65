"""Virtual environments of images: made by ``uv`` once for each content of a requirements file, for all projects."""

from __future__ import annotations

import ast
import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = ["InstallError", "Progress", "beside", "cache_dir", "locked", "prepare_environment"]

Progress = Callable[[str], None]

_REQUIREMENTS = "requirements.txt"
_PIP_KEYS = ("global.find-links", "install.find-links")


class InstallError(Exception):
    """A virtual environment that could not be made; holds the installer's own reason."""


def cache_dir() -> Path:
    """Where environments are kept: ``modelyard`` below ``$XDG_CACHE_HOME``, else below ``~/.cache``."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "modelyard"


def prepare_environment(folder: Path, progress: Progress) -> Path:
    """The virtual environment for ``folder``'s ``requirements.txt``, made when it is not there yet.

    It runs this process's Python version. A folder without the file gets an empty environment. Raises
    ``InstallError`` when a requirement cannot be installed, and leaves nothing half made.
    """
    path = folder / _REQUIREMENTS
    requirements = path.read_bytes() if path.exists() else b""
    seed = f"{sys.version_info.major}.{sys.version_info.minor} {platform.system()} {platform.machine()}\n".encode()
    environment = cache_dir() / "environments" / hashlib.sha256(seed + requirements).hexdigest()[:32]
    if environment.is_dir():
        return environment
    with locked(environment):
        if not environment.is_dir():
            _build(environment, requirements, progress)
    return environment


@contextlib.contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold the lock on making ``target``, against other threads and other processes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(target.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def beside(target: Path) -> Iterator[Path]:
    """A folder that becomes ``target`` when the block succeeds, and vanishes when it does not."""
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        folder.chmod(0o755)
        yield folder
        folder.rename(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _build(environment: Path, requirements: bytes, progress: Progress) -> None:
    progress(f"making the environment {environment.name} for {_count(requirements)} (once for this requirements.txt)")
    with beside(environment) as folder:
        # Relocatable, since it is renamed when it is complete.
        _uv(["venv", "--quiet", "--relocatable", "--allow-existing", "--python", sys.executable, folder], progress)
        if requirements:
            (folder / _REQUIREMENTS).write_bytes(requirements)
            python = folder / "bin" / "python"
            given: list[str | Path] = ["--python", python, "-r", folder / _REQUIREMENTS]
            _uv(["pip", "install", "--compile-bytecode", *given], progress, **_find_links())


def _count(requirements: bytes) -> str:
    lines = [line for line in requirements.decode().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return "1 requirement" if len(lines) == 1 else f"{len(lines)} requirements"


def _find_links() -> dict[str, str]:
    """pip's places of wheels, from its variable or its configuration, for uv, which has a variable of its own."""
    if "UV_FIND_LINKS" in os.environ:
        return {}
    places = os.environ.get("PIP_FIND_LINKS", "").split()
    if not places:
        command = [sys.executable, "-m", "pip", "config", "list"]
        listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        values = [line.partition("=")[2].strip() for line in listed.splitlines() if line.partition("=")[0] in _PIP_KEYS]
        places = [place for value in values for place in str(ast.literal_eval(value)).split()]
    return {"UV_FIND_LINKS": ",".join(places)} if places else {}


def _uv(arguments: list[str | Path], progress: Progress, **places: str) -> None:
    # The virtual environment that this process runs in must not be taken for the one to install into.
    variables = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}
    process = subprocess.Popen(
        [_program(), *map(str, arguments)],
        # The system's certificates: a company's proxy or mirror is trusted there, not in uv's own list.
        env={"UV_SYSTEM_CERTS": "1", **places, **variables, "UV_NO_PROGRESS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines = []
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            progress(lines[-1])
    if process.returncode:
        raise InstallError("\n".join(lines[-20:]).strip())


def _program() -> str:
    beside_python = Path(sys.executable).with_name("uv")
    found = str(beside_python) if beside_python.exists() else shutil.which("uv")
    if found is None:
        raise InstallError("uv is not installed: install modelyard[local]")
    return found
