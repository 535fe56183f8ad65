"""What others' rules say of an app of single constructs."""

import subprocess
import sys

import pytest

from tests.synthesis import ROOT


def _validate(kind: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.foreign.validated", kind]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("kind", ["leaving", "retained"])
def test_nothing_is_found_that_is_not_acknowledged_with_a_reason(kind: str) -> None:
    run = _validate(kind)
    assert run.returncode == 0, run.stderr
    assert "WARNING" not in run.stderr, run.stderr


def test_what_is_not_acknowledged_is_found() -> None:
    run = _validate("flaw")
    assert run.returncode != 0
    assert "AwsSolutions-IAM5[Action::s3:*]" in run.stderr
    assert "Flawed/Queue" in run.stderr
    assert "Rings/" not in run.stderr
