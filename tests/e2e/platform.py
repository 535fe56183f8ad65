"""A deployed platform in a copy of the checkout, as its users see it: commands and AWS clients."""

from __future__ import annotations

import json
import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from tests.e2e.checkout import Checkout

__all__ = ["NAME", "Platform"]

NAME = "modelyard-dev-abalone"
IMAGE = "stub:1"
PATIENCE_SECONDS = 90
# The canary of the reference app waits six minutes: three seconds, and its time-out is eighteen.
CLOCK_FACTOR = "120"
SERVE = """#!/usr/bin/env python3
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def _answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = os.environ["VERSION"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_POST = _answer
    def log_message(self, *arguments): pass
address = os.environ["SAGEMAKER_BIND_TO_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"])
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
"""


@dataclass
class Platform:
    """The reference app in its local AWS, which is up from the start; models are servers that answer their version."""

    checkout: Checkout
    env: dict[str, str] = field(init=False)
    clients: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.run("modelyard", "local", "up", "--clock-factor", CLOCK_FACTOR)
        self.env = json.loads(self.run("modelyard", "local", "env", "--json"))
        session = boto3.Session(
            aws_access_key_id=self.env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.env["AWS_SECRET_ACCESS_KEY"],
            region_name=self.env["AWS_REGION"],
        )
        services = ("s3", "ecr", "sagemaker", "sagemaker-runtime", "ssm", "cloudformation", "dynamodb")
        self.clients = {name: session.client(name, endpoint_url=self.env["AWS_ENDPOINT_URL"]) for name in services}
        stub = self.checkout.folder / ".cache" / "stub"
        stub.mkdir(parents=True)
        (stub / "serve").write_text(SERVE)
        (stub / "serve").chmod(0o755)
        (stub / "requirements.txt").write_text("")
        self.run("modelyard", "local", "image", IMAGE, str(stub))

    def run(self, *words: str, fails: bool = False) -> str:
        """Run a command; all that it prints. It must succeed, or fail where ``fails``."""
        done = self.checkout.run(*words, env=getattr(self, "env", {}))
        assert bool(done.returncode) == fails, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def write_settings(self, text: str) -> None:
        (self.checkout.folder / "platform.yaml").write_text(text)

    def deploy(self) -> None:
        self.run("cdk", "deploy", "--all", "--require-approval", "never")

    def image(self) -> str:
        """The image that the pipeline runs, by digest."""
        definition = self.clients["sagemaker"].describe_pipeline(PipelineName=NAME)["PipelineDefinition"]
        (image,) = set(re.findall(r"[\w.]+\.dkr\.ecr\.[\w.-]+/[\w/-]+@sha256:[0-9a-f]{64}", definition))
        return str(image)

    def register(self) -> str:
        """Register one more version, pending approval, whose server answers its own number."""
        sagemaker = self.clients["sagemaker"]
        versions = sagemaker.list_model_packages(ModelPackageGroupName=NAME)["ModelPackageSummaryList"]
        number = max((item["ModelPackageVersion"] for item in versions), default=0) + 1
        package = sagemaker.create_model_package(
            ModelPackageGroupName=NAME,
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification={
                "Containers": [{"Image": IMAGE, "Environment": {"VERSION": str(number)}}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )
        assert package["ModelPackageArn"].endswith(f"/{number}")
        return str(package["ModelPackageArn"])

    def review(self, arn: str, status: str) -> None:
        """Approve or reject with the aws command."""
        words = ("aws", "sagemaker", "update-model-package", "--model-package-arn", arn)
        self.run(*words, "--model-approval-status", status)

    def answer(self) -> str | None:
        """What the endpoint answers; None where there is no endpoint."""
        try:
            answer = self.clients["sagemaker-runtime"].invoke_endpoint(EndpointName=NAME, Body=b"x")
        except ClientError as error:
            assert "not found" in str(error), error
            return None
        return str(answer["Body"].read().decode())

    def await_answer(self, expected: str) -> None:
        """Wait until the endpoint is in service and answers ``expected``."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._status() != "InService" or self.answer() != expected:
            assert time.monotonic() < deadline, f"{self._status()}, answers {self.answer()}, not {expected}"
            time.sleep(0.1)

    def processes(self) -> list[str]:
        """The model servers of this platform that run."""
        place = str(Path(self.checkout.folder, ".cache", "stub", "serve"))
        listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
        return [line for line in listed.stdout.splitlines() if place in line]

    def _status(self) -> str:
        try:
            return str(self.clients["sagemaker"].describe_endpoint(EndpointName=NAME)["EndpointStatus"])
        except ClientError:
            return "absent"
