"""What `modelyard.testing` gives the tests of a pipeline's scripts."""

from pathlib import Path

import pytest

from modelyard.testing import Image, image_folders


def test_a_program_runs_in_a_home_of_its_own_whoever_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    image = Image(image_folders()["tabular"])
    done = image.run(["python3", "-c", "import os; print(os.getcwd()); print(os.environ['HOME']); print(os.listdir())"])
    where, home, found = done.stdout.splitlines()
    assert where == home
    assert Path(home) not in (Path.home(), Path.cwd())
    assert found == "[]"
