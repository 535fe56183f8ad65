"""What others' rules say of the templates."""

import subprocess
import sys
from pathlib import Path

import pytest
from cfnlint.api import lint_file
from cfnlint.config import ManualArgs

from tests.stacks import deliveries
from tests.synthesis import ROOT, SETTINGS, Templates


def _validate(outdir: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.stacks.validated", str(outdir), *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "settings", [SETTINGS, deliveries.SETTINGS, deliveries.IN_ONE_ACCOUNT], ids=lambda file: file.stem
)
def test_nothing_is_found_that_is_not_acknowledged_with_a_reason(settings: Path, tmp_path: Path) -> None:
    run = _validate(tmp_path, str(settings))
    assert run.returncode == 0, run.stderr
    assert "WARNING" not in run.stderr, run.stderr


def test_what_is_not_acknowledged_is_found(tmp_path: Path) -> None:
    run = _validate(tmp_path, "flaw")
    assert run.returncode != 0
    assert "AwsSolutions-IAM5[Action::s3:*]" in run.stderr
    assert "Flawed/Queue" in run.stderr
    assert "Modelyard-" not in run.stderr


@pytest.mark.parametrize("fixture", ["templates", "delivery"])
def test_cfn_lint_finds_no_error(fixture: str, request: pytest.FixtureRequest) -> None:
    templates: Templates = request.getfixturevalue(fixture)
    arguments = ManualArgs(regions=["us-east-1", "eu-central-1", "eu-west-1"])
    found = [
        f"{path.name}: {match}"
        for path in sorted(templates.folder.glob("*.template.json"))
        for match in lint_file(path, arguments)
        if match.rule.id.startswith("E")
    ]
    assert found == []
