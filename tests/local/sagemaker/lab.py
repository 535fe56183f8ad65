"""What tests of jobs and pipelines share: a role, a bucket, an image, and jobs whose scripts are in the test."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from modelyard.local.sagemaker.jobs.images import register_image
from tests.local_aws import LocalAws

__all__ = ["Lab", "lab", "unique"]

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "sagemaker.amazonaws.com"}}],
}
CODE = "/opt/ml/processing/input/code"
TRAIN = """#!/usr/bin/env python3
import runpy
runpy.run_path("/opt/ml/input/data/code/train.py", run_name="__main__")
"""


def unique(prefix: str) -> str:
    """A name that no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


class Lab:
    """A local AWS with what jobs need."""

    def __init__(self, aws: LocalAws, folder: Path) -> None:
        self.aws = aws
        self.sagemaker = aws.client("sagemaker")
        self.s3 = aws.client("s3")
        self.bucket = unique("lab")
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": aws.region})
        role = aws.client("iam").create_role(RoleName=unique("job"), AssumeRolePolicyDocument=json.dumps(TRUST))
        self.role = role["Role"]["Arn"]
        self.image = f"{aws.account}.dkr.ecr.{aws.region}.amazonaws.com/{unique('image')}:1"
        (folder / "train").write_text(TRAIN)
        (folder / "train").chmod(0o755)
        register_image(aws.paths.root / "sagemaker", self.image, folder)

    def reconnected(self) -> Lab:
        """This after the local AWS has been started again."""
        self.sagemaker = self.aws.client("sagemaker")
        self.s3 = self.aws.client("s3")
        return self

    def put(self, key: str, content: str) -> str:
        """Write an object; returns its URI."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=content.encode())
        return f"s3://{self.bucket}/{key}"

    def get(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return bytes(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    def keys(self, prefix: str) -> list[str]:
        answer = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for item in answer.get("Contents", [])]

    def processing(
        self,
        script: str,
        *,
        inputs: dict[str, str] | None = None,
        outputs: tuple[str, ...] = (),
        arguments: tuple[str, ...] = (),
        count: int = 1,
        sharded: bool = False,
    ) -> dict[str, Any]:
        """The arguments of a processing job that runs the Python program ``script``."""
        code = self.put(f"{unique('code')}/run.py", script)
        distribution = "ShardedByS3Key" if sharded else "FullyReplicated"
        places = [("code", code, CODE, "FullyReplicated")]
        places += [
            (name, uri, f"/opt/ml/processing/input/{name}", distribution) for name, uri in (inputs or {}).items()
        ]
        return {
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": count, "VolumeSizeInGB": 5}
            },
            "AppSpecification": {
                "ImageUri": self.image,
                "ContainerEntrypoint": ["python3", f"{CODE}/run.py"],
                **({"ContainerArguments": list(arguments)} if arguments else {}),
            },
            "RoleArn": self.role,
            "ProcessingInputs": [
                {
                    "InputName": name,
                    "S3Input": {
                        "S3Uri": uri,
                        "LocalPath": path,
                        "S3DataType": "S3Prefix",
                        "S3InputMode": "File",
                        "S3DataDistributionType": distribution,
                    },
                }
                for name, uri, path, distribution in places
            ],
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": name,
                        "S3Output": {
                            "S3Uri": f"s3://{self.bucket}/{unique('out')}/{name}",
                            "LocalPath": f"/opt/ml/processing/output/{name}",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                    for name in outputs
                ]
            },
        }

    def training(self, script: str, *, hyperparameters: dict[str, str] | None = None, count: int = 1) -> dict[str, Any]:
        """The arguments of a training job whose image's ``train`` runs the Python program ``script``."""
        code = self.put(f"{unique('code')}/train.py", script)
        source = {"S3DataType": "S3Prefix", "S3Uri": code, "S3DataDistributionType": "FullyReplicated"}
        return {
            "AlgorithmSpecification": {"TrainingImage": self.image, "TrainingInputMode": "File"},
            "RoleArn": self.role,
            "InputDataConfig": [{"ChannelName": "code", "DataSource": {"S3DataSource": source}}],
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/{unique('models')}"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": count, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            "HyperParameters": hyperparameters or {},
        }

    def run_processing(self, **arguments: Any) -> dict[str, Any]:
        """Run a processing job to its end; returns its description."""
        name = unique("processing")
        self.sagemaker.create_processing_job(ProcessingJobName=name, **arguments)
        return self.ended("Processing", name)

    def run_training(self, **arguments: Any) -> dict[str, Any]:
        """Run a training job to its end; returns its description."""
        name = unique("training")
        self.sagemaker.create_training_job(TrainingJobName=name, **arguments)
        return self.ended("Training", name)

    def ended(self, kind: str, name: str) -> dict[str, Any]:
        """The job after it has ended."""
        describe = getattr(self.sagemaker, f"describe_{kind.lower()}_job")
        while True:
            job: dict[str, Any] = describe(**{f"{kind}JobName": name})
            if job[f"{kind}JobStatus"] not in ("InProgress", "Stopping"):
                return job
            time.sleep(0.02)

    def log(self, kind: str, name: str) -> list[str]:
        """The lines that a job has logged, of all of its instances."""
        logs, group = self.aws.client("logs"), f"/aws/sagemaker/{kind}Jobs"
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
        return [
            event["message"]
            for stream in streams
            for event in logs.get_log_events(
                logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
        ]

    def pipeline(self, steps: list[dict[str, Any]], parameters: list[dict[str, Any]] | None = None) -> str:
        """Make a pipeline; returns its name."""
        name = unique("pipeline")
        definition = {"Version": "2020-12-01", "Parameters": parameters or [], "Steps": steps}
        self.sagemaker.create_pipeline(
            PipelineName=name, PipelineDefinition=json.dumps(definition), RoleArn=self.role, ClientRequestToken="t" * 32
        )
        return name

    def start(self, pipeline: str, **arguments: Any) -> str:
        """Start an execution; returns its ARN."""
        answer = self.sagemaker.start_pipeline_execution(PipelineName=pipeline, **arguments)
        return str(answer["PipelineExecutionArn"])

    def execute(self, pipeline: str, **parameters: str) -> dict[str, Any]:
        """Run an execution to its end; returns its description."""
        given = [{"Name": name, "Value": value} for name, value in parameters.items()]
        return self.execution_ended(self.start(pipeline, PipelineParameters=given))

    def execution_ended(self, arn: str) -> dict[str, Any]:
        """The execution after it has ended."""
        while True:
            execution: dict[str, Any] = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
            if execution["PipelineExecutionStatus"] not in ("Executing", "Stopping"):
                return execution
            time.sleep(0.02)

    def steps(self, execution: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """The steps of an execution by name."""
        arn = execution["PipelineExecutionArn"]
        pages = self.sagemaker.get_paginator("list_pipeline_execution_steps").paginate(PipelineExecutionArn=arn)
        return {step["StepName"]: step for page in pages for step in page["PipelineExecutionSteps"]}


@pytest.fixture(scope="session")
def lab(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(local_aws, tmp_path_factory.mktemp("image"))
