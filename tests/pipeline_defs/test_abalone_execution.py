"""The abalone pipeline in the local AWS: the compiled definition itself runs, from data to a version or a refusal."""

import json
import re
import time
import uuid
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from modelyard.data import fetch
from modelyard.local.sagemaker.jobs.images import register_image
from modelyard.pipeline_defs.compiler import CompiledPipeline
from tests.local_aws import LocalAws
from tests.tabular import IMAGE

ENDED = ("Succeeded", "Failed", "Stopped")


class Project(NamedTuple):
    """What the stack of a project would have made."""

    aws: LocalAws
    name: str
    bucket: str

    @property
    def sagemaker(self) -> Any:
        return self.aws.client("sagemaker")

    def run(self, **parameters: str) -> dict[str, Any]:
        """Start an execution, wait for its end; its description and its steps by name."""
        given = [{"Name": name, "Value": value} for name, value in parameters.items()]
        started = self.sagemaker.start_pipeline_execution(PipelineName=self.name, PipelineParameters=given)
        arn = started["PipelineExecutionArn"]
        while True:
            execution: dict[str, Any] = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
            if execution["PipelineExecutionStatus"] in ENDED:
                break
            time.sleep(0.2)
        listed = self.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        return {**execution, "steps": {step["StepName"]: step for step in listed}}

    def versions(self) -> list[dict[str, Any]]:
        """The registered versions, the newest first."""
        listed = self.sagemaker.list_model_packages(
            ModelPackageGroupName=self.name, SortBy="CreationTime", SortOrder="Descending"
        )
        return [
            self.sagemaker.describe_model_package(ModelPackageName=package["ModelPackageArn"])
            for package in listed["ModelPackageSummaryList"]
        ]

    def read(self, uri: str) -> bytes:
        """An object of S3."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        content: bytes = self.aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return content


@pytest.fixture(scope="module")
def project(local_aws: LocalAws, abalone: CompiledPipeline, tmp_path_factory: pytest.TempPathFactory) -> Project:
    name = f"abalone-{uuid.uuid4().hex[:12]}"
    s3, iam = local_aws.client("s3"), local_aws.client("iam")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": local_aws.region})
    s3.upload_file(str(fetch("abalone", tmp_path_factory.mktemp("data"))), name, "abalone/abalone.csv")
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    image = f"{local_aws.account}.dkr.ecr.{local_aws.region}.amazonaws.com/{name}:1"
    register_image(local_aws.paths.sagemaker, image, IMAGE)
    values = {
        "Bucket": name,
        "DataBucket": name,
        "JobRoleArn": role,
        "KmsKeyArn": local_aws.client("kms").create_key()["KeyMetadata"]["Arn"],
        "ModelPackageGroupName": name,
        "ImageTabular": image,
    }
    for variable, bundle in abalone.code.items():
        s3.upload_file(str(bundle.path), name, f"assets/{bundle.digest}.gz")
        values[variable] = f"s3://{name}/assets/{bundle.digest}.gz"
    body = re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], abalone.body).replace("${!", "${")
    local_aws.client("sagemaker").create_model_package_group(ModelPackageGroupName=name)
    local_aws.client("sagemaker").create_pipeline(PipelineName=name, PipelineDefinition=body, RoleArn=role)
    return Project(local_aws, name, name)


@pytest.fixture(scope="module")
def first(project: Project) -> dict[str, Any]:
    """The first execution, with the parameters' own defaults."""
    return project.run()


def test_an_execution_registers_a_version_that_waits_for_approval(project: Project, first: dict[str, Any]) -> None:
    assert first["PipelineExecutionStatus"] == "Succeeded", json.dumps(first, default=str, indent=1)
    assert {name: step["StepStatus"] for name, step in first["steps"].items()} == dict.fromkeys(
        ("Preprocess", "Train", "Evaluate", "CheckRmse", "Register"), "Succeeded"
    )
    (version,) = project.versions()
    assert version["ModelApprovalStatus"] == "PendingManualApproval"
    assert version["ModelPackageStatus"] == "Completed"


def test_a_versions_evaluation_lies_where_it_says(project: Project, first: dict[str, Any]) -> None:
    version = project.versions()[-1]
    report = json.loads(project.read(version["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]))
    assert report["regression_metrics"]["rmse"]["value"] < 2.6
    plot = project.read(version["CustomerMetadataProperties"]["evaluation"] + "/residuals.png")
    assert plot.startswith(b"\x89PNG")
    assert version["CustomerMetadataProperties"]["pipeline_execution"] == first["PipelineExecutionArn"]


def test_other_hyperparameters_train_again_from_the_cached_split(project: Project, first: dict[str, Any]) -> None:
    before = len(project.versions())
    second = project.run(MaxDepth="3", Eta="0.3")
    assert second["PipelineExecutionStatus"] == "Succeeded", json.dumps(second, default=str, indent=1)
    assert {name for name, step in second["steps"].items() if "CacheHitResult" in step} == {"Preprocess"}
    assert len(project.versions()) == before + 1


def test_a_threshold_that_cannot_be_met_registers_nothing_and_says_both_values(
    project: Project, first: dict[str, Any]
) -> None:
    before = len(project.versions())
    refused = project.run(RmseThreshold="0.5")
    rmse = json.loads(
        project.read(project.versions()[-1]["CustomerMetadataProperties"]["evaluation"] + "/evaluation.json")
    )
    value = rmse["regression_metrics"]["rmse"]["value"]
    assert refused["PipelineExecutionStatus"] == "Failed"
    assert refused["steps"]["Refuse"]["FailureReason"] == f"RMSE {value} is above the threshold 0.5"
    assert "Register" not in refused["steps"]
    assert len(project.versions()) == before


def test_data_that_cannot_be_used_fails_the_first_step_with_the_scripts_own_line(
    project: Project, tmp_path: Path
) -> None:
    project.aws.client("s3").put_object(Bucket=project.bucket, Key="bad/shells.csv", Body=b"sex,length\nM,1\n")
    failed = project.run(InputDataUri=f"s3://{project.bucket}/bad/")
    assert failed["PipelineExecutionStatus"] == "Failed"
    assert set(failed["steps"]) == {"Preprocess"}
    assert (
        "cannot use the input data: shells.csv: column diameter is missing; the header has sex, length"
        in failed["steps"]["Preprocess"]["FailureReason"]
    )
