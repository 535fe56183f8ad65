"""The speech pipeline in the local AWS, on a corpus and with a training so small that every threshold here is loose."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelyard.pipeline_defs.compiler import CompiledPipeline
from tests.containers.asr.image import IMAGE
from tests.local_aws import LocalAws
from tests.pipeline_defs.project import Project, deploy

JOBS = {"Preprocess", "Clean", "Train", "Evaluate"}
# One epoch on 56 utterances learns nothing; a model that always answers nothing has a WER of 1.
FORM = {"Epochs": "1", "WerThreshold": "3.0"}


@pytest.fixture(scope="module")
def project(local_aws: LocalAws, asr: CompiledPipeline, spoken: Path) -> Project:
    made = deploy(local_aws, asr, image_variable="ImageAsr", image_folder=IMAGE.folder)
    for path in spoken.rglob("*.*"):
        if path.is_file():
            local_aws.client("s3").upload_file(str(path), made.bucket, f"asr/{path.relative_to(spoken)}")
    return made


@pytest.fixture(scope="module")
def first(project: Project) -> dict[str, Any]:
    return project.run(**FORM)


def evaluation(project: Project, version: dict[str, Any]) -> dict[str, Any]:
    """What a version was registered with."""
    report: dict[str, Any] = json.loads(project.read(version["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]))
    return report


def training_job(project: Project, execution: dict[str, Any]) -> dict[str, Any]:
    """What its training was."""
    arn = execution["steps"]["Train"]["Metadata"]["TrainingJob"]["Arn"]
    job: dict[str, Any] = project.sagemaker.describe_training_job(TrainingJobName=arn.rpartition("/")[2])
    return job


def test_an_execution_registers_a_version_with_its_evaluation(project: Project, first: dict[str, Any]) -> None:
    assert first["PipelineExecutionStatus"] == "Succeeded", json.dumps(first, default=str, indent=1)
    assert {name: step["StepStatus"] for name, step in first["steps"].items()} == dict.fromkeys(
        (*JOBS, "CheckWer", "Register"), "Succeeded"
    )
    version = project.versions()[-1]
    assert version["ModelApprovalStatus"] == "PendingManualApproval"
    assert evaluation(project, version)["utterances"] == 8


def test_the_training_job_has_the_metrics_and_a_place_for_checkpoints(project: Project, first: dict[str, Any]) -> None:
    job = training_job(project, first)
    assert {metric["MetricName"] for metric in job["FinalMetricDataList"]} == {"train:loss", "validation:wer"}
    assert re.fullmatch(r"s3://\S+/clean/report/checkpoints/1-16-0.005-42", job["CheckpointConfig"]["S3Uri"])


def test_starting_it_again_runs_no_job_and_a_lower_threshold_refuses_with_both_numbers(
    project: Project, first: dict[str, Any]
) -> None:
    before = project.versions()
    again = project.run(**{**FORM, "WerThreshold": "0.01"})
    assert {name for name, step in again["steps"].items() if "CacheHitResult" in step} == JOBS
    assert again["PipelineExecutionStatus"] == "Failed"
    wer = evaluation(project, before[0])["speech_recognition_metrics"]["wer"]["value"]
    assert again["steps"]["Refuse"]["FailureReason"] == f"WER {wer} is above the threshold 0.01"
    assert len(project.versions()) == len(before)


def test_a_stopped_execution_is_gone_on_with_by_the_next(project: Project, first: dict[str, Any]) -> None:
    training = {**FORM, "Epochs": "6"}
    given = [{"Name": name, "Value": value} for name, value in training.items()]
    sagemaker, s3 = project.sagemaker, project.aws.client("s3")
    arn = sagemaker.start_pipeline_execution(PipelineName=project.name, PipelineParameters=given)[
        "PipelineExecutionArn"
    ]
    place = training_job(project, first)["CheckpointConfig"]["S3Uri"].replace("/1-16-", "/6-16-")
    prefix = place.removeprefix(f"s3://{project.bucket}/")
    deadline = time.monotonic() + 240
    while not s3.list_objects_v2(Bucket=project.bucket, Prefix=prefix)["KeyCount"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken=arn[-32:].rjust(32, "0"))
    while sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"] != "Stopped":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    second = project.run(**training)
    assert second["PipelineExecutionStatus"] == "Succeeded", json.dumps(second, default=str, indent=1)
    name = training_job(project, second)["TrainingJobName"]
    found = project.aws.client("logs").filter_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=name
    )
    lines = [event["message"] for event in found["events"]]
    assert any("goes on from" in line for line in lines), lines
    epochs = [int(match[1]) for line in lines if (match := re.match(r"epoch=(\d+) ", line))]
    assert epochs == list(range(epochs[0], 7))
    assert epochs[0] > 1


@pytest.fixture
def endpoint(project: Project, first: dict[str, Any]) -> Iterator[str]:
    """An endpoint with the registered version."""
    sagemaker, name = project.sagemaker, project.name
    container = {"ModelPackageName": project.versions()[-1]["ModelPackageArn"]}
    sagemaker.create_model(ModelName=name, Containers=[container], ExecutionRoleArn=project.role)
    variant = {"VariantName": "main", "ModelName": name, "InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    deadline = time.monotonic() + 240
    while (found := sagemaker.describe_endpoint(EndpointName=name))["EndpointStatus"] == "Creating":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert found["EndpointStatus"] == "InService", found
    yield name
    sagemaker.delete_endpoint(EndpointName=name)


def test_the_version_transcribes_a_recording(project: Project, spoken: Path, endpoint: str) -> None:
    recording = min(spoken.rglob("*.wav")).read_bytes()
    runtime = project.aws.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="audio/wav", Body=recording)
    heard = json.loads(answer["Body"].read())
    assert isinstance(heard["text"], str)
    assert heard["seconds"] > 0.1
