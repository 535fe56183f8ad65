"""Single constructs in an app that knows nothing of the checkout: tests/foreign/app, on the installed wheel."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.checkout import ROOT
from tests.wheel.environment import WheelEnvironment

APP = ROOT / "tests" / "foreign" / "app"
PAGE = ROOT / "docs" / "constructs.md"
ACCOUNT, REGION = "111122223333", "eu-west-1"

pytestmark = [
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not APP.is_dir(), reason="there is no app of single constructs"),
]


@pytest.fixture
def project(wheel_environment: WheelEnvironment, tmp_path: Path) -> Iterator[Path]:
    """The app, with the pipeline that the wheel carries as its own, in a folder whose local AWS is up."""
    (pipeline,) = wheel_environment.project.glob(".venv/lib/python*/site-packages/modelyard/pipeline_defs/abalone")
    unless_compiled = shutil.ignore_patterns("__pycache__")
    folder = shutil.copytree(APP, tmp_path / "project", ignore=unless_compiled)
    shutil.copytree(pipeline, folder / "pipeline", ignore=unless_compiled)
    wheel_environment.run("modelyard", "local", "up", "--account", ACCOUNT, "--region", REGION, cwd=folder)
    try:
        yield folder
    finally:
        wheel_environment.run("modelyard", "local", "down", cwd=folder)


def test_the_app_goes_round_the_loop_as_its_page_says(wheel_environment: WheelEnvironment, project: Path) -> None:
    aws = json.loads(wheel_environment.run("modelyard", "local", "env", "--json", cwd=project).stdout)
    commands = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    listed = "aws cloudformation describe-stacks --query 'Stacks[].StackName' --output text"
    script = "\n".join(["set -euo pipefail", f"cdk bootstrap aws://{ACCOUNT}/{REGION}", *commands, f"echo; {listed}"])
    done = wheel_environment.run("bash", "-c", script, cwd=project, env=aws)
    assert 1 <= float((project / "answer.csv").read_text()) <= 29, "rings of an abalone"
    assert done.stdout.split()[-1] == "CDKToolkit", "nothing else is left"
