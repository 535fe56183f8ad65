"""Stages of a local AWS as the functions of the delivery find them: parameters, bucket, groups, versions, endpoints."""

from __future__ import annotations

import io
import json
import random
import tarfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelyard.lambdas.delivery.access import StageAccess
from modelyard.local import environment
from modelyard.local.sagemaker.jobs.images import register_image
from tests.lambdas.serving.hook import SERVE
from tests.local_aws import LocalAws

REPOSITORY = "delivery/stub"
ROLE = "arn:aws:iam::111122223333:role/endpoint"
EXAMPLES = {
    "version": 1,
    "tolerance": {"relative": 0.01},
    "examples": [
        {"name": "row 1", "content_type": "text/csv", "accept": "text/csv", "body": "1,2", "answer": "7.0\n"},
    ],
}


class Died(BaseException):
    """The process ended in the middle of its work; no handler can catch it."""


@dataclass
class Stage:
    """A stage of a name that no other test has, with the project abalone."""

    aws: LocalAws
    prefix: str
    name: str = ""
    calls: list[str] = field(default_factory=list)
    before_call: Callable[[str], None] = lambda call: None
    after_call: Callable[[str], None] = lambda call: None
    _clients: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.name = self.prefix + uuid.uuid4().hex[:8]
        self.bucket = f"{self.name}-artifacts"
        self.sagemaker, self.s3 = self.aws.client("sagemaker"), self.aws.client("s3")
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": self.aws.region})
        self.put("platform/artifacts-bucket", self.bucket)
        self.group = self.project("abalone")

    @property
    def access(self) -> StageAccess:
        return StageAccess(self.name, self.aws.account, self.aws.region, self._client)

    def put(self, key: str, value: str) -> None:
        """Write a parameter of the stage."""
        name = f"/modelyard/{self.name}/{key}"
        self.aws.client("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)

    def project(self, name: str, *, endpoint: bool = False) -> str:
        """A project with a new model package group; the group's name, which is the endpoint's too."""
        group = f"modelyard-{self.name}-{name}"
        self.sagemaker.create_model_package_group(ModelPackageGroupName=group)
        self.put(f"{name}/model-package-group", group)
        if endpoint:
            self.put(f"{name}/endpoint-name", group)
        return group

    def object(self, key: str, content: bytes) -> str:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=content)
        return f"s3://{self.bucket}/{key}"

    def read(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return bytes(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    def register(self, status: str = "Approved", *, group: str = "", **more: Any) -> str:
        """A version that serves the stub, with the evaluation of `evaluate`; its ARN."""
        container = {"Image": image(self.aws), "Environment": {"VERSION": "7.0"}}
        types = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
        request = {
            "ModelPackageGroupName": group or self.group,
            "ModelApprovalStatus": status,
            "InferenceSpecification": {"Containers": [container], **types},
            **more,
        }
        return str(self.sagemaker.create_model_package(**request)["ModelPackageArn"])

    def evaluate(self, examples: Any = EXAMPLES) -> dict[str, Any]:
        """The members of a version with an evaluation; with `examples` beside it, unless they are None."""
        folder = f"abalone/{uuid.uuid4().hex[:8]}/evaluation"
        uri = self.object(f"{folder}/evaluation.json", b'{"rmse": 2}')
        self.object(f"{folder}/plots/residuals.png", b"\x89PNG")
        if examples is not None:
            content = examples if isinstance(examples, bytes) else json.dumps(examples).encode()
            self.object(f"{folder}/examples.json", content)
        statistics = {"ContentType": "application/json", "S3Uri": uri}
        return {
            "ModelMetrics": {"ModelQuality": {"Statistics": statistics}},
            "CustomerMetadataProperties": {"evaluation": f"s3://{self.bucket}/{folder}", "run": "7"},
        }

    def review(self, version: str, status: str) -> None:
        self.sagemaker.update_model_package(ModelPackageArn=version, ModelApprovalStatus=status)

    def describe(self, version: str) -> dict[str, Any]:
        described: dict[str, Any] = self.sagemaker.describe_model_package(ModelPackageName=version)
        return described

    def versions(self) -> list[str]:
        listed = self.sagemaker.list_model_packages(ModelPackageGroupName=self.group)["ModelPackageSummaryList"]
        return [item["ModelPackageArn"] for item in listed]

    def serve(self, version: str, *, endpoint: str = "", wait: bool = True, **variables: str) -> str:
        """Let the endpoint serve a version, as the approval hook does it; its name."""
        name, made = endpoint or self.group, f"m-{uuid.uuid4().hex[:12]}"
        variables = {"VERSION": "7.0", "MODEL_PACKAGE_ARN": version, **variables}
        container = {"ModelPackageName": version, "Environment": variables}
        self.sagemaker.create_model(ModelName=made, ExecutionRoleArn=ROLE, Containers=[container])
        variant = {"VariantName": "AllTraffic", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=made, ProductionVariants=[{**variant, "ModelName": made}]
        )
        there = self.sagemaker.list_endpoints(NameContains=name)["Endpoints"]
        begin = self.sagemaker.update_endpoint if there else self.sagemaker.create_endpoint
        begin(EndpointName=name, EndpointConfigName=made)
        if wait:
            self.settled(name)
        return name

    def settled(self, endpoint: str = "") -> None:
        deadline = time.monotonic() + 60
        while self.status(endpoint) not in ("InService", "Failed", "UpdateRollbackFailed"):
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def status(self, endpoint: str = "") -> str:
        return str(self.sagemaker.describe_endpoint(EndpointName=endpoint or self.group)["EndpointStatus"])

    def close(self) -> None:
        """Delete its endpoints, which hold processes."""
        for item in self.sagemaker.list_endpoints(NameContains=f"modelyard-{self.name}-")["Endpoints"]:
            self.settled(item["EndpointName"])
            self.sagemaker.delete_endpoint(EndpointName=item["EndpointName"])

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            client = environment.client(self.aws.instance, service)
            client.meta.events.register("before-call", self._before)
            client.meta.events.register("after-call", self._after)
            self._clients[service] = client
        return self._clients[service]

    def _before(self, model: Any, **_: Any) -> None:
        self.calls.append(model.name)
        self.before_call(model.name)

    def _after(self, model: Any, **_: Any) -> None:
        self.after_call(model.name)


def image(aws: LocalAws, tag: str = "1") -> str:
    """The stub's image by its tag; it answers the variable VERSION."""
    return f"{aws.account}.dkr.ecr.{aws.region}.amazonaws.com/{REPOSITORY}:{tag}"


def push(aws: LocalAws) -> str:
    """Push the stub's image; its digest."""
    folder = Path(aws.project_dir) / "delivery-stub"
    folder.mkdir(exist_ok=True)
    (folder / "serve").write_text(SERVE)
    (folder / "serve").chmod(0o755)
    (folder / "requirements.txt").write_text("")
    register_image(aws.paths.sagemaker, image(aws).rpartition(":")[0], folder)
    ecr = aws.client("ecr")
    try:
        ecr.create_repository(repositoryName=REPOSITORY)
    except ecr.exceptions.RepositoryAlreadyExistsException:
        return str(ecr.describe_images(repositoryName=REPOSITORY)["imageDetails"][0]["imageDigest"])
    put = ecr.put_image(repositoryName=REPOSITORY, imageManifest='{"schemaVersion": 2}', imageTag="1")
    return str(put["image"]["imageId"]["imageDigest"])


def archive(size: int) -> bytes:
    """A model.tar.gz of about that size, the same every time."""
    content, file = random.Random(1).randbytes(size), io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=0) as tar:
        member = tarfile.TarInfo("weights")
        member.size = size
        tar.addfile(member, io.BytesIO(content))
    return file.getvalue()
