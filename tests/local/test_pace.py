from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from modelyard.local.errors import LocalError
from modelyard.local.pace import VARIABLE, clock_factor, real_seconds


@pytest.mark.parametrize(("text", "factor", "minute"), [(None, 1.0, 60.0), ("", 1.0, 60.0), ("60", 60.0, 1.0)])
def test_the_clock_factor_shortens_durations(
    monkeypatch: pytest.MonkeyPatch, text: str | None, factor: float, minute: float
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if text is not None:
        monkeypatch.setenv(VARIABLE, text)
    assert (clock_factor(), real_seconds(60)) == (factor, minute)


@pytest.mark.parametrize("text", ["0", "0.5", "601", "fast", "nan"])
def test_a_clock_factor_out_of_range_is_one_clear_error(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(LocalError) as raised:
        clock_factor()
    wanted = f"MODELYARD_CLOCK_FACTOR is '{text}': write a number from 1 to 600, or leave it out for real time"
    assert str(raised.value) == wanted


def test_up_refuses_a_clock_factor_out_of_range_before_it_starts_anything(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "modelyard", "local", "up", "--clock-factor", "0"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("modelyard: MODELYARD_CLOCK_FACTOR is '0'")
    assert list(tmp_path.iterdir()) == []
