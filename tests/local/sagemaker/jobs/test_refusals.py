"""What a job is refused for, or fails for: the exact words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.sagemaker.lab import Lab, unique

Change = Callable[[dict[str, Any]], None]


def set_at(path: str, value: Any) -> Change:
    """A change that sets the member at ``path`` (``a.0.b``)."""

    def change(arguments: dict[str, Any]) -> None:
        place: Any = arguments
        *above, last = path.split(".")
        for part in above:
            place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
        place[last] = value

    return change


CLUSTER = "ProcessingResources.ClusterConfig"
PROCESSING = {
    f"{CLUSTER}.InstanceType=ml.nope": (
        set_at(f"{CLUSTER}.InstanceType", "ml.nope"),
        "1 validation error detected: Value 'ml.nope' at 'ProcessingResources.ClusterConfig.InstanceType' failed to "
        "satisfy constraint: Member must satisfy enum value set: [",
    ),
    "volume key on local storage": (
        lambda arguments: arguments["ProcessingResources"]["ClusterConfig"].update(
            InstanceType="ml.g5.xlarge", VolumeKmsKeyId="key"
        ),
        "You can't request a VolumeKmsKeyId when using an instance type with local storage: "
        "ml.g5.xlarge has local NVMe storage",
    ),
    "pipe mode": (
        set_at("ProcessingInputs.0.S3Input.S3InputMode", "Pipe"),
        "ProcessingInputs[0].S3Input.S3InputMode 'Pipe' is not supported by the local AWS; supported: File",
    ),
    "continuous upload": (
        set_at("ProcessingOutputConfig.Outputs.0.S3Output.S3UploadMode", "Continuous"),
        "ProcessingOutputConfig.Outputs[0].S3Output.S3UploadMode 'Continuous' is not supported by the local AWS; "
        "supported: EndOfJob",
    ),
    "no entry point": (
        lambda arguments: arguments["AppSpecification"].pop("ContainerEntrypoint"),
        "AppSpecification.ContainerEntrypoint is needed by the local AWS, which does not read the entry point of an "
        "image: write it, such as ['python3', '/opt/ml/processing/input/code/preprocess.py']",
    ),
    "a path outside": (
        set_at("ProcessingInputs.0.S3Input.LocalPath", "/opt/ml/processing/../../etc"),
        "LocalPath '/opt/ml/processing/../../etc' must be a folder below /opt/ml/processing",
    ),
}
TRAINING = {
    "no image": (
        lambda arguments: arguments["AlgorithmSpecification"].pop("TrainingImage"),
        "AlgorithmSpecification.TrainingImage is needed to create a training job",
    ),
    "pipe mode": (
        set_at("AlgorithmSpecification.TrainingInputMode", "Pipe"),
        "AlgorithmSpecification.TrainingInputMode 'Pipe' is not supported by the local AWS; supported: File, FastFile",
    ),
    "debugger rules": (
        set_at("DebugRuleConfigurations", [{"RuleConfigurationName": "r", "RuleEvaluatorImage": "i"}]),
        "DebugRuleConfigurations is not supported by the local AWS; leave it out",
    ),
    "a metric's regular expression": (
        set_at("AlgorithmSpecification.MetricDefinitions", [{"Name": "rmse", "Regex": "rmse=("}]),
        "The regular expression 'rmse=(' of metric rmse is not valid: missing ), unterminated subpattern at position 5",
    ),
    "checkpoints elsewhere": (
        set_at("CheckpointConfig", {"S3Uri": "s3://bucket/key", "LocalPath": "/tmp/checkpoints"}),
        "CheckpointConfig.LocalPath '/tmp/checkpoints' must be a folder below /opt/ml",
    ),
    "time to wait without spot": (
        set_at("StoppingCondition.MaxWaitTimeInSeconds", 900),
        "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true",
    ),
    "spot without time to wait": (
        set_at("EnableManagedSpotTraining", True),
        "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds",
    ),
    "less time to wait than to run": (
        lambda arguments: arguments.update(
            EnableManagedSpotTraining=True, StoppingCondition={"MaxWaitTimeInSeconds": 86399}
        ),
        "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds",
    ),
    "a channel twice": (
        lambda arguments: arguments["InputDataConfig"].append(arguments["InputDataConfig"][0]),
        "Channel names must be unique; repeated: code",
    ),
}


@pytest.mark.parametrize(("change", "message"), PROCESSING.values(), ids=PROCESSING)
def test_a_processing_job_is_refused_when_it_is_created(lab: Lab, change: Change, message: str) -> None:
    arguments, name = lab.processing("", outputs=("out",)), unique("refused")
    change(arguments)

    with pytest.raises(ClientError) as refused:
        lab.sagemaker.create_processing_job(ProcessingJobName=name, **arguments)

    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert refused.value.response["Error"]["Message"].startswith(message)
    with pytest.raises(ClientError, match="Requested resource not found"):
        lab.sagemaker.describe_processing_job(ProcessingJobName=name)


@pytest.mark.parametrize(("change", "message"), TRAINING.values(), ids=TRAINING)
def test_a_training_job_is_refused_when_it_is_created(lab: Lab, change: Change, message: str) -> None:
    arguments, name = lab.training(""), unique("refused")
    change(arguments)

    with pytest.raises(ClientError) as refused:
        lab.sagemaker.create_training_job(TrainingJobName=name, **arguments)

    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert refused.value.response["Error"]["Message"] == message
    with pytest.raises(ClientError, match="Requested resource not found"):
        lab.sagemaker.describe_training_job(TrainingJobName=name)


def test_a_name_that_is_taken_is_refused(lab: Lab) -> None:
    job = lab.run_processing(**lab.processing(""))

    with pytest.raises(ClientError) as refused:
        lab.sagemaker.create_processing_job(ProcessingJobName=job["ProcessingJobName"], **lab.processing(""))

    assert refused.value.response["Error"]["Code"] == "ResourceInUse"
    assert refused.value.response["Error"]["Message"] == (
        "Job name must be unique within an AWS account and region, and a processing job with this name already exists "
        f"({job['ProcessingJobArn']})"
    )


def test_a_script_that_exits_1_fails_the_job_with_its_last_lines(lab: Lab) -> None:
    job = lab.run_processing(**lab.processing("print('reading')\nraise SystemExit('no column rings')"))

    streams = lab.aws.client("logs").describe_log_streams(
        logGroupName="/aws/sagemaker/ProcessingJobs", logStreamNamePrefix=f"{job['ProcessingJobName']}/"
    )["logStreams"]
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == (
        "AlgorithmError: See job logs for more information, exit code: 1. "
        f"Last lines of the log {streams[0]['logStreamName']}:\nreading\nno column rings"
    )


def test_a_missing_input_fails_the_job_with_the_uri(lab: Lab) -> None:
    uri = f"s3://{lab.bucket}/nothing/here"

    job = lab.run_processing(**lab.processing("", inputs={"data": uri}))

    assert job["FailureReason"] == (
        f'ClientError: Data download or upload failed: No S3 objects found under S3 URL "{uri}" given in input data '
        "source. Please ensure that the bucket exists, that objects exist under that S3 prefix, and that the role "
        f'"{lab.role}" has "s3:ListBucket" permissions on bucket "{lab.bucket}".'
    )


def test_a_missing_role_fails_the_job_with_its_arn(lab: Lab) -> None:
    role = f"arn:aws:iam::{lab.aws.account}:role/nobody"

    job = lab.run_processing(**{**lab.processing(""), "RoleArn": role})

    assert job["FailureReason"] == (
        f"ClientError: Could not assume role {role}. Please ensure that the role exists and allows principal "
        "'sagemaker.amazonaws.com' to assume the role."
    )


def test_a_program_that_the_image_does_not_have_fails_the_job(lab: Lab) -> None:
    arguments = lab.processing("")
    arguments["AppSpecification"]["ContainerEntrypoint"] = ["no-such-program"]

    job = lab.run_processing(**arguments)

    assert job["FailureReason"] == (
        f"ClientError: no-such-program cannot be run in image {lab.image}: No such file or directory"
    )
