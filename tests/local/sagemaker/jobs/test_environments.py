from __future__ import annotations

import base64
import hashlib
import subprocess
import threading
import zipfile
from pathlib import Path

import pytest

from modelyard.local.sagemaker.jobs.environments import InstallError, beside, cache_dir, prepare_environment

# A version that no index has.
UNPUBLISHED = "71.7"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "modelyard"


def a_wheel(folder: Path, version: str = "1.0") -> Path:
    """A package `greeting` of one module, which nobody has to download."""
    path = folder / f"greeting-{version}-py3-none-any.whl"
    files = {
        "greeting.py": "WORD = 'hello'\n",
        f"greeting-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: greeting\nVersion: {version}\n",
        f"greeting-{version}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')},"
        f"{len(text)}\n"
        for name, text in files.items()
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**files, f"greeting-{version}.dist-info/RECORD": record}.items():
            archive.writestr(name, text)
    return path


def image_folder(folder: Path, requirements: str) -> Path:
    folder.mkdir()
    (folder / "requirements.txt").write_text(requirements)
    return folder


def test_an_environment_holds_what_the_requirements_name_and_is_byte_compiled(tmp_path: Path) -> None:
    folder = image_folder(tmp_path / "image", f"greeting @ {a_wheel(tmp_path).as_uri()}\n")
    lines: list[str] = []

    environment = prepare_environment(folder, lines.append)

    printed = subprocess.check_output([environment / "bin/python3", "-c", "import greeting; print(greeting.WORD)"])
    assert printed == b"hello\n"
    assert list(environment.rglob("greeting*.pyc"))
    assert lines[0].startswith("making the environment") and "1 requirement " in lines[0]


def test_equal_requirements_share_one_environment_which_is_made_once(tmp_path: Path) -> None:
    first, second = (image_folder(tmp_path / name, "# none\n") for name in ("one", "two"))
    made: list[str] = []
    results: list[Path] = []
    threads = [
        threading.Thread(target=lambda folder=folder: results.append(prepare_environment(folder, made.append)))
        for folder in (first, second, first)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(results)) == 1
    assert sum(line.startswith("making") for line in made) == 1


def test_other_requirements_get_another_environment(tmp_path: Path) -> None:
    one = prepare_environment(image_folder(tmp_path / "one", "# one\n"), lambda line: None)
    two = prepare_environment(image_folder(tmp_path / "two", "# two\n"), lambda line: None)

    assert one != two


def test_a_requirement_that_cannot_be_installed_fails_with_the_installers_reason_and_leaves_nothing(
    tmp_path: Path, cache: Path
) -> None:
    folder = image_folder(tmp_path / "image", f"greeting @ {(tmp_path / 'nowhere-1.0-py3-none-any.whl').as_uri()}\n")

    with pytest.raises(InstallError, match=r"nowhere-1\.0-py3-none-any\.whl"):
        prepare_environment(folder, lambda line: None)

    assert [path.suffix for path in (cache / "environments").iterdir()] == [".lock"]


@pytest.mark.parametrize("given", ["variable", "configuration"])
def test_wheels_are_found_where_pip_is_told_to_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    a_wheel(tmp_path, UNPUBLISHED)
    monkeypatch.delenv("UV_FIND_LINKS", raising=False)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    if given == "variable":
        (tmp_path / "another").mkdir()
        monkeypatch.setenv("PIP_FIND_LINKS", f"{tmp_path / 'another'} {tmp_path}")
    else:
        (tmp_path / "pip.conf").write_text(f"[global]\nfind-links = {tmp_path}\n")
        monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    folder = image_folder(tmp_path / "image", f"greeting=={UNPUBLISHED}\n")

    environment = prepare_environment(folder, lambda line: None)

    assert list(environment.rglob("greeting.py"))


def test_uvs_own_variable_wins_over_pips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_wheel(tmp_path, UNPUBLISHED)
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path / "empty"))
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))

    with pytest.raises(InstallError, match="greeting"):
        prepare_environment(image_folder(tmp_path / "image", f"greeting=={UNPUBLISHED}\n"), lambda line: None)


def test_a_folder_made_beside_its_place_vanishes_when_it_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), beside(tmp_path / "made") as folder:
        (folder / "half").write_text("x")
        raise RuntimeError

    assert list(tmp_path.iterdir()) == []


def test_the_cache_is_below_the_home_folder_where_no_other_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")

    assert cache_dir() == Path.home() / ".cache" / "modelyard"
