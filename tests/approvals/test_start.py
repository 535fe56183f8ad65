"""What the command line loads before it knows what is asked."""

from __future__ import annotations

import subprocess
import sys

import pytest

_LOADED = """
import sys
from modelyard.cli import main
try:
    main()
finally:
    print(*sorted(sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments", [["--help"], *([name, "--help"] for name in ("approve", "run", "config", "local"))], ids=" ".join
)
def test_help_loads_neither_aws_clients_nor_what_draws_tables(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", _LOADED, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Usage: " in done.stdout
    assert not {"boto3", "botocore", "rich", "ministack"} & set(done.stderr.split())


def test_a_project_may_be_called_like_a_group_of_commands() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "modelyard", "approve", "local", "--help"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Approve a version" in done.stdout
