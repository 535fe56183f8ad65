"""Models, configurations and endpoints of a test server program, made through boto3."""

from __future__ import annotations

import io
import json
import tarfile
import time
import uuid
from pathlib import Path
from typing import Any

from modelyard.local.sagemaker.jobs.images import register_image
from tests.local_aws import LocalAws

IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/tests/serve:1"
ROLE = "arn:aws:iam::111122223333:role/endpoint"
_FOLDER = Path(__file__).with_name("image")


class EndpointMaker:
    """Makes what a test needs, under names of its own, and deletes it all in ``clean_up``."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.sagemaker = aws.client("sagemaker")
        self.runtime = aws.client("sagemaker-runtime")
        self.prefix = f"t-{uuid.uuid4().hex[:8]}"
        self._count = 0
        self._endpoints: list[str] = []
        register_image(aws.paths.sagemaker, IMAGE, _FOLDER)
        aws.client("s3").create_bucket(Bucket=self.prefix, CreateBucketConfiguration={"LocationConstraint": aws.region})

    def name(self, kind: str) -> str:
        self._count += 1
        return f"{self.prefix}-{kind}-{self._count}"

    def artifact(self, content: dict[str, Any] | bytes) -> str:
        """The S3 URI of a model.tar.gz with ``content`` as model.json, or of ``content`` itself."""
        body = content if isinstance(content, bytes) else _archive(content)
        key = f"{self.name('artifact')}/model.tar.gz"
        self.aws.client("s3").put_object(Bucket=self.prefix, Key=key, Body=body)
        return f"s3://{self.prefix}/{key}"

    def model(self, content: dict[str, Any] | bytes, environment: dict[str, str] | None = None, **more: Any) -> str:
        name = self.name("model")
        container = {"Image": IMAGE, "ModelDataUrl": self.artifact(content), "Environment": environment or {}}
        self.sagemaker.create_model(
            **{"ModelName": name, "PrimaryContainer": container, "ExecutionRoleArn": ROLE, **more}
        )
        return name

    def config(self, *models: str, **variant: Any) -> str:
        """A configuration with a variant for each model: ``AllTraffic`` for one, else ``v0``, ``v1`` …"""
        name = self.name("config")
        variants = [
            {
                "VariantName": "AllTraffic" if len(models) == 1 else f"v{number}",
                "ModelName": model,
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 1,
                **variant,
            }
            for number, model in enumerate(models)
        ]
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
        return name

    def config_of(self, content: dict[str, Any] | bytes, **variant: Any) -> str:
        return self.config(self.model(content), **variant)

    def endpoint(self, config: str, wait: bool = True, **more: Any) -> str:
        name = self.name("endpoint")
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config, **more)
        self._endpoints.append(name)
        if wait:
            self.settled(name)
        return name

    def settled(self, endpoint: str) -> dict[str, Any]:
        """The endpoint's description when nothing is under way any more."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            described: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=endpoint)
            if described["EndpointStatus"] in ("InService", "Failed", "UpdateRollbackFailed"):
                return described
            time.sleep(0.02)
        raise AssertionError(f"{endpoint} is still {described['EndpointStatus']}")

    def gone(self, endpoint: str) -> None:
        """Wait until the endpoint does not exist."""
        deadline = time.monotonic() + 60
        while any(
            found["EndpointName"] == endpoint
            for found in self.sagemaker.list_endpoints(NameContains=endpoint)["Endpoints"]
        ):
            assert time.monotonic() < deadline, f"{endpoint} is still there"
            time.sleep(0.02)

    def invoke(self, endpoint: str, body: bytes = b"1", **more: Any) -> dict[str, Any]:
        answer = self.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, **more)
        return json.loads(answer["Body"].read())  # type: ignore[no-any-return]

    def clean_up(self) -> None:
        for endpoint in self._endpoints:
            for found in self.sagemaker.list_endpoints(NameContains=endpoint)["Endpoints"]:
                if found["EndpointStatus"] != "Deleting":
                    self.settled(endpoint)
                    self.sagemaker.delete_endpoint(EndpointName=endpoint)
        for endpoint in self._endpoints:
            self.gone(endpoint)


def _archive(model: dict[str, Any]) -> bytes:
    content = json.dumps(model).encode()
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        member = tarfile.TarInfo("model.json")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()
