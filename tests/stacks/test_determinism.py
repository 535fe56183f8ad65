"""The same sources make the same templates and the same assets, wherever and however often."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.synthesis import ROOT, SETTINGS

_NO_NETWORK = """
import socket
def refuse(*args, **kwargs):
    raise OSError("a synthesis opens no connection")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = socket.create_connection = refuse
"""


def _copy(to: Path) -> Path:
    """The sources in another folder, with settings of every kind of stage."""
    shutil.copytree(ROOT / "modelyard", to / "modelyard", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("app.py", "cdk.json"):
        shutil.copy(ROOT / name, to)
    shutil.copy(SETTINGS, to / "platform.yaml")
    # Imported by the interpreter before the app: the app runs as it is, without a network.
    (to / "sitecustomize.py").write_text(_NO_NETWORK)
    return to


def _synthesise(folder: Path, outdir: Path, cache: Path) -> dict[str, str]:
    """What a synthesis wrote: for each file of the assembly, its hash."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment |= {
        "PYTHONPATH": str(folder),
        "XDG_CACHE_HOME": str(cache),
        "CDK_OUTDIR": str(outdir),
        "CDK_VALIDATION": "false",
    }
    run = subprocess.run(
        [sys.executable, "app.py"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return dict(_hashes(outdir))


def _hashes(outdir: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(path for path in outdir.rglob("*") if path.is_file()):
        yield str(path.relative_to(outdir)), hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, str]]:
    """A copy of the sources, its cache, and what a synthesis with a cold cache wrote."""
    folder, cache = _copy(tmp_path_factory.mktemp("first")), tmp_path_factory.mktemp("cache")
    return folder, cache, _synthesise(folder, tmp_path_factory.mktemp("assembly"), cache)


def test_a_synthesis_writes_templates_and_assets(first: tuple[Path, Path, dict[str, str]]) -> None:
    _, _, written = first
    assert "Modelyard-dev-Abalone.template.json" in written
    assert any(name.startswith("asset.") for name in written)


def test_a_second_synthesis_with_a_warm_cache_writes_the_same(
    first: tuple[Path, Path, dict[str, str]], tmp_path: Path
) -> None:
    folder, cache, written = first
    assert list((folder / "modelyard").rglob("*.pyc"))
    assert _synthesise(folder, tmp_path, cache) == written


def test_a_synthesis_in_another_folder_with_a_cold_cache_writes_the_same(
    first: tuple[Path, Path, dict[str, str]], tmp_path: Path
) -> None:
    _, _, written = first
    other = _synthesise(_copy(tmp_path / "other" / "place"), tmp_path / "assembly", tmp_path / "cache")
    assert other == written


def test_a_synthesis_that_opens_a_connection_fails(first: tuple[Path, Path, dict[str, str]], tmp_path: Path) -> None:
    folder = _copy(tmp_path / "connecting")
    program = (folder / "app.py").read_text()
    connect = "import socket\nsocket.create_connection(('127.0.0.1', 9))\n"
    (folder / "app.py").write_text(program.replace("import sys\n", f"import sys\n{connect}", 1))
    with pytest.raises(AssertionError, match="a synthesis opens no connection"):
        _synthesise(folder, tmp_path / "assembly", first[1])
