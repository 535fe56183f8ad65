"""The app in `app/`, as its author runs it: from a folder of its own, with the real ``cdk``."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from demo.leftovers import leftovers
from modelyard.data.wheels import fetch
from modelyard.executions import execution as executions
from tests.local_aws import ROOT, LocalAws

APP = Path(__file__).parent / "app"
NAME = "rings"
STACK = "Rings"
ROW = "M,0.455,0.365,0.095,0.514,0.2245,0.101,0.15\n"
PATIENCE_SECONDS = 120
SERVICES = ("s3", "ecr", "sagemaker", "ssm", "cloudformation", "dynamodb")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The app with the library's abalone pipeline as its own."""
    folder = tmp_path / "project"
    shutil.copytree(APP, folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(
        ROOT / "modelyard" / "pipeline_defs" / "abalone",
        folder / "pipeline",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    return folder


def test_ten_lines_deploy_train_serve_an_approval_and_leave_nothing(own_local_aws: LocalAws, project: Path) -> None:
    aws = own_local_aws
    aws.bootstrap()
    aws.run("cdk", "deploy", "--require-approval", "never", cwd=project)
    assert "There were no differences" in aws.run("cdk", "diff", "--fail", cwd=project).stderr
    bucket = aws.client("ssm").get_parameter(Name=f"/modelyard/{NAME}/platform/data-bucket")["Parameter"]["Value"]
    data = fetch("abalone", project / "abalone.csv")
    aws.client("s3").upload_file(str(data), bucket, "abalone/abalone.csv")
    version = _trained(aws)
    assert _served(aws) is None, "nothing serves before the first approval"
    aws.client("sagemaker").update_model_package(ModelPackageArn=version, ModelApprovalStatus="Approved")
    _wait(lambda: _served(aws) == version)
    answer = aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=NAME, ContentType="text/csv", Accept="text/csv", Body=ROW
    )
    assert 1 <= float(answer["Body"].read()) <= 29, "rings of an abalone"
    aws.run("cdk", "destroy", "--force", cwd=project)
    found = leftovers({service: aws.client(service) for service in SERVICES})
    assert {what: names for what, names in found.items() if names} == {}


def _trained(aws: LocalAws) -> str:
    """The version that an execution of the pipeline registers."""
    sagemaker = aws.client("sagemaker")
    arn = sagemaker.start_pipeline_execution(PipelineName=NAME)["PipelineExecutionArn"]
    _wait(lambda: executions.look(sagemaker, arn).ended)
    done = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    assert done["PipelineExecutionStatus"] == "Succeeded", done
    (package,) = sagemaker.list_model_packages(ModelPackageGroupName=NAME)["ModelPackageSummaryList"]
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    return str(package["ModelPackageArn"])


def _served(aws: LocalAws) -> str | None:
    """The version that the endpoint serves, None while it serves none."""
    sagemaker = aws.client("sagemaker")
    try:
        endpoint = sagemaker.describe_endpoint(EndpointName=NAME)
    except ClientError as error:
        assert "Could not find" in str(error), error
        return None
    if endpoint["EndpointStatus"] != "InService":
        return None
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    return str(model["Containers"][0]["ModelPackageName"])


def _wait(done: Any) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS} seconds"
        time.sleep(0.2)
