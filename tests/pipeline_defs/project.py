"""A compiled pipeline in the local AWS, with what the stack of its project would have made."""

import json
import re
import time
import uuid
from pathlib import Path
from typing import Any, NamedTuple

from modelyard.local.sagemaker.jobs.images import register_image
from modelyard.pipeline_defs.compiler import CompiledPipeline
from tests.local_aws import LocalAws

ENDED = ("Succeeded", "Failed", "Stopped")


class Project(NamedTuple):
    """A pipeline, its model package group and its bucket, all of one name, and the role of its jobs."""

    aws: LocalAws
    name: str
    bucket: str
    role: str

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


def deploy(aws: LocalAws, compiled: CompiledPipeline, *, image_variable: str, image_folder: Path) -> Project:
    """Make the project of `compiled`, whose one image is that of a folder."""
    name = f"pipeline-{uuid.uuid4().hex[:12]}"
    s3, iam = aws.client("s3"), aws.client("iam")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": aws.region})
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    image = f"{aws.account}.dkr.ecr.{aws.region}.amazonaws.com/{name}:1"
    register_image(aws.paths.sagemaker, image, image_folder)
    values = {
        "Bucket": name,
        "DataBucket": name,
        "JobRoleArn": role,
        "KmsKeyArn": aws.client("kms").create_key()["KeyMetadata"]["Arn"],
        "ModelPackageGroupName": name,
        image_variable: image,
    }
    for variable, bundle in compiled.code.items():
        s3.upload_file(str(bundle.path), name, f"assets/{bundle.digest}.gz")
        values[variable] = f"s3://{name}/assets/{bundle.digest}.gz"
    body = re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], compiled.body).replace("${!", "${")
    aws.client("sagemaker").create_model_package_group(ModelPackageGroupName=name)
    aws.client("sagemaker").create_pipeline(PipelineName=name, PipelineDefinition=body, RoleArn=role)
    return Project(aws, name, name, role)
