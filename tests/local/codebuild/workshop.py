"""Build projects and builds for tests."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import Any

from tests.local.sagemaker.lab import unique
from tests.local_aws import LocalAws

__all__ = ["Workshop", "zipped"]

_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "codebuild.amazonaws.com"}}],
}
PATIENCE_SECONDS = 60


def zipped(**files: str) -> bytes:
    """An archive of programs."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o100755 << 16
            archive.writestr(info, text)
    return content.getvalue()


class Workshop:
    """A local AWS with what builds need."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.codebuild = aws.client("codebuild")
        self.bucket = unique("workshop")
        aws.client("s3").create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": aws.region})
        role = aws.client("iam").create_role(RoleName=unique("build"), AssumeRolePolicyDocument=json.dumps(_TRUST))
        self.role = role["Role"]["Arn"]

    def project(self, buildspec: str, **given: Any) -> str:
        """A project without source; its name."""
        arguments = {
            "name": unique("project"),
            "source": {"type": "NO_SOURCE", "buildspec": buildspec},
            "artifacts": {"type": "NO_ARTIFACTS"},
            "environment": {"type": "LINUX_CONTAINER", "image": "standard:7.0", "computeType": "BUILD_GENERAL1_SMALL"},
            "serviceRole": self.role,
            **given,
        }
        return str(self.codebuild.create_project(**arguments)["project"]["name"])

    def upload(self, content: bytes) -> str:
        """Put an archive into S3; its location."""
        key = f"{unique('source')}.zip"
        self.aws.client("s3").put_object(Bucket=self.bucket, Key=key, Body=content)
        return f"{self.bucket}/{key}"

    def start(self, project: str, **given: Any) -> str:
        """Start a build; its id."""
        return str(self.codebuild.start_build(projectName=project, **given)["build"]["id"])

    def look(self, id: str) -> dict[str, Any]:
        """A build as it is."""
        (build,) = self.codebuild.batch_get_builds(ids=[id])["builds"]
        return dict(build)

    def ended(self, id: str) -> dict[str, Any]:
        """A build once it is over."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (build := self.look(id))["buildComplete"]:
            assert time.monotonic() < deadline, build
            time.sleep(0.05)
        return build

    def run(self, buildspec: str, **given: Any) -> tuple[dict[str, Any], list[str]]:
        """Run a project once: the build, and what its commands printed."""
        build = self.ended(self.start(self.project(buildspec), **given))
        return build, self.printed(build)

    def log(self, build: dict[str, Any]) -> list[str]:
        """All lines of a build's log."""
        logs = build["logs"]
        events = self.aws.client("logs").get_log_events(
            logGroupName=logs["groupName"], logStreamName=logs["streamName"], startFromHead=True
        )["events"]
        return [event["message"] for event in events]

    def printed(self, build: dict[str, Any]) -> list[str]:
        """What the commands printed."""
        return [line for line in self.log(build) if not line.startswith("[Container]")]


def states(build: dict[str, Any]) -> dict[str, str]:
    """The states of a build's phases that have one."""
    return {phase["phaseType"]: phase["phaseStatus"] for phase in build["phases"] if "phaseStatus" in phase}
