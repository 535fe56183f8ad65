"""What others' rules say of an app of single constructs."""

import subprocess
import sys

import pytest

from tests.synthesis import ROOT


@pytest.mark.parametrize("kind", ["leaving", "retained"])
def test_nothing_is_found_that_is_not_acknowledged_with_a_reason(kind: str) -> None:
    command = [sys.executable, "-m", "tests.foreign.validated", kind]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "WARNING" not in run.stderr, run.stderr
