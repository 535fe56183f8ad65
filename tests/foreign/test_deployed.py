"""The app in `app/`, as its author runs it: from a folder of its own, by the commands of docs/constructs.md."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from demo.endpoint import package_of
from demo.leftovers import leftovers
from tests.local_aws import ROOT, LocalAws

APP = Path(__file__).parent / "app"
PAGE = (ROOT / "docs" / "constructs.md").read_text()
NAME = "rings"
SERVICES = ("s3", "ecr", "sagemaker", "ssm", "cloudformation", "dynamodb")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The app with the library's abalone pipeline as its own."""
    folder, pipeline = tmp_path / "project", ROOT / "modelyard" / "pipeline_defs" / "abalone"
    unless_compiled = shutil.ignore_patterns("__pycache__")
    shutil.copytree(APP, folder, ignore=unless_compiled)
    shutil.copytree(pipeline, folder / "pipeline", ignore=unless_compiled)
    return folder


def test_the_page_shows_the_app() -> None:
    assert re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0] == (APP / "app.py").read_text()
    assert len((APP / "app.py").read_text().partition("app = ")[2].splitlines()) < 10


def test_ten_lines_deploy_train_serve_an_approval_and_leave_what_is_kept(
    own_local_aws: LocalAws, project: Path
) -> None:
    aws = own_local_aws
    sagemaker = aws.client("sagemaker")
    aws.bootstrap()

    _follow(aws, project, "Deploy")
    assert "There were no differences" in aws.run("cdk", "diff", "--fail", cwd=project).stderr
    _follow(aws, project, "Train")
    (package,) = sagemaker.list_model_packages(ModelPackageGroupName=NAME)["ModelPackageSummaryList"]
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert sagemaker.list_endpoints()["Endpoints"] == [], "nothing serves before the first approval"

    _follow(aws, project, "Approve")
    config = sagemaker.describe_endpoint(EndpointName=NAME)["EndpointConfigName"]
    assert package_of(sagemaker, config) == package["ModelPackageArn"]
    _follow(aws, project, "Call")
    assert 1 <= float((project / "answer.csv").read_text()) <= 29, "rings of an abalone"

    _follow(aws, project, "Destroy")
    found = leftovers({service: aws.client(service) for service in SERVICES})
    left = {what: len(names) for what, names in found.items() if names}
    assert left == {"model package groups": 1, "tables": 1, "repositories": 1, "buckets": 4}


def _follow(aws: LocalAws, project: Path, title: str) -> None:
    """Run what the page says under a title."""
    (commands,) = re.findall(rf"## {title}\n\n```bash\n(.*?)```", PAGE, re.DOTALL)
    aws.run("bash", "-eu", "-c", commands, cwd=project)
