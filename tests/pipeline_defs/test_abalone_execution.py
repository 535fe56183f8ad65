"""The abalone pipeline in the local AWS: the compiled definition itself runs, from data to a version or a refusal."""

import json
from pathlib import Path
from typing import Any

import pytest

from modelyard.data import fetch
from modelyard.pipeline_defs.compiler import CompiledPipeline
from tests.local_aws import LocalAws
from tests.pipeline_defs.project import Project, deploy
from tests.tabular import IMAGE


@pytest.fixture(scope="module")
def project(local_aws: LocalAws, abalone: CompiledPipeline, tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = deploy(local_aws, abalone, image_variable="ImageTabular", image_folder=IMAGE.folder)
    data = fetch("abalone", tmp_path_factory.mktemp("data"))
    local_aws.client("s3").upload_file(str(data), made.bucket, "abalone/abalone.csv")
    return made


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
