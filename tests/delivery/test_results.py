"""How a verification ended, from what `make verify` leaves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from modelyard.delivery.results import MAX_LENGTH, result
from tests.synthesis import ROOT

TESTS = """
import pytest

def test_right():
    assert True

def test_wrong():
    assert False

@pytest.mark.parametrize("text", ['a "quoted" one', "plain"])
def test_each(text):
    assert not text

@pytest.fixture
def broken():
    raise RuntimeError

def test_error(broken):
    pass

@pytest.mark.skip
def test_skipped():
    pass

class TestGroup:
    def test_inside(self):
        assert False
"""


def _verified(folder: Path, *failed: str) -> Path:
    (folder / "failed").write_text("".join(f"{part}\n" for part in failed))
    return folder


def _pytest(folder: Path, *options: str) -> None:
    # Its own root, also where a folder above is a project too.
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml", "tests.xml", *options]
    subprocess.run(command, cwd=folder, capture_output=True, check=False)


@pytest.fixture
def reported(tmp_path: Path) -> Path:
    """A folder with pytest's own report of tests that fail in every way."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text(TESTS)
    _pytest(tmp_path, "tests")
    return tmp_path


def test_a_verification_of_which_nothing_failed_has_passed(tmp_path: Path) -> None:
    assert result(_verified(tmp_path)) == "passed"


def test_the_names_of_failing_tests_are_said_in_the_place_of_their_part(reported: Path) -> None:
    line = result(_verified(reported, "lint", "tests"))
    names = ["test_wrong", "test_each[a ?quoted? one]", "test_each[plain]", "test_error", "TestGroup::test_inside"]
    assert line == "failed: lint, " + ", ".join(f"tests/test_it.py::{name}" for name in names)


def test_the_name_that_is_said_is_the_one_that_runs_the_test(reported: Path) -> None:
    line = result(_verified(reported, "tests"))
    name = line.removeprefix("failed: ").split(", ")[0]
    again = subprocess.run([sys.executable, "-m", "pytest", "-q", name], cwd=reported, capture_output=True, text=True)
    assert "1 failed" in again.stdout


def test_a_module_that_cannot_be_imported_is_named(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text("import nothing_of_this_name\n")
    _pytest(tmp_path, "tests")
    assert result(_verified(tmp_path, "tests")) == "failed: tests/test_it.py"


@pytest.mark.parametrize("report", [None, "", "<testsuites>"])
def test_tests_without_a_report_have_failed_all_the_same(report: str | None, tmp_path: Path) -> None:
    if report is not None:
        (tmp_path / "tests.xml").write_text(report)
    assert result(_verified(tmp_path, "tests", "synth")) == "failed: tests, synth"


def test_a_verification_that_did_not_end_has_failed(tmp_path: Path) -> None:
    assert result(tmp_path).startswith("failed: make verify did not come to its end")


def test_many_failing_tests_are_counted_where_there_is_no_room(tmp_path: Path) -> None:
    cases = "".join(f'<testcase classname="tests.test_it" name="test_{i}"><failure/></testcase>' for i in range(500))
    (tmp_path / "tests.xml").write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    line = result(_verified(tmp_path, "tests"))
    assert len(line) <= MAX_LENGTH
    named = line.count("test_it.py::")
    assert line.endswith(f" and {500 - named} more")


def test_the_program_prints_the_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "modelyard.delivery.results", str(_verified(tmp_path, "synth"))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "failed: synth\n"
