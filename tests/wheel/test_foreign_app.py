"""Single constructs in an app that knows nothing of the checkout: tests/foreign/app, on the installed wheel."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from demo.leftovers import leftovers
from tests.e2e.checkout import ROOT
from tests.wheel.environment import WheelEnvironment

APP = ROOT / "tests" / "foreign" / "app"
PAGE = ROOT / "docs" / "constructs.md"
ACCOUNT, REGION = "111122223333", "eu-west-1"

SERVICES = ("s3", "ecr", "sagemaker", "ssm", "cloudformation", "dynamodb", "kms")

pytestmark = pytest.mark.timeout(1200)


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
    deployed = next(index for index, block in enumerate(commands) if "cdk deploy" in block)
    commands.insert(deployed + 1, "cdk diff --fail\n")
    script = "\n".join(["set -euo pipefail", *commands])
    wheel_environment.run("bash", "-c", script, cwd=project, env=aws)
    assert 1 <= float((project / "answer.csv").read_text()) <= 29, "rings of an abalone"
    session = boto3.Session(aws["AWS_ACCESS_KEY_ID"], aws["AWS_SECRET_ACCESS_KEY"], region_name=REGION)
    clients = {service: session.client(service, endpoint_url=aws["AWS_ENDPOINT_URL"]) for service in SERVICES}
    left = {what: len(found) for what, found in leftovers(clients).items() if found}
    assert left == {"model package groups": 1, "tables": 1, "repositories": 1, "buckets": 4}
    aliases = [alias["AliasName"] for alias in clients["kms"].list_aliases()["Aliases"]]
    assert "alias/modelyard-rings" in aliases
