"""What others' rules say of the templates."""

import subprocess
import sys
from pathlib import Path

from cfnlint.api import lint_file
from cfnlint.config import ManualArgs

from tests.synthesis import ROOT, Templates


def _validate(outdir: Path, *flaw: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.stacks.validated", str(outdir), *flaw]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_nothing_is_found_that_is_not_acknowledged_with_a_reason(tmp_path: Path) -> None:
    run = _validate(tmp_path)
    assert run.returncode == 0, run.stderr
    assert "WARNING" not in run.stderr, run.stderr


def test_what_is_not_acknowledged_is_found(tmp_path: Path) -> None:
    run = _validate(tmp_path, "flaw")
    assert run.returncode != 0
    assert "AwsSolutions-IAM5[Action::s3:*]" in run.stderr
    assert "Flawed/Queue" in run.stderr
    assert "Modelyard-" not in run.stderr


def test_cfn_lint_finds_no_error(templates: Templates) -> None:
    arguments = ManualArgs(regions=["us-east-1", "eu-central-1", "eu-west-1"])
    found = [
        f"{path.name}: {match}"
        for path in sorted(templates.folder.glob("*.template.json"))
        for match in lint_file(path, arguments)
        if match.rule.id.startswith("E")
    ]
    assert found == []
