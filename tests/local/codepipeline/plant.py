"""Pipelines for tests: a versioned source bucket, an artifact bucket, roles, and stages in short."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import Any

from tests.local.functions import make_function
from tests.local.sagemaker.lab import unique
from tests.local_aws import LocalAws

__all__ = ["Plant", "act", "stage", "trust", "zipped"]

PATIENCE_SECONDS = 20
KEY = "source.zip"
_REPORT = """
import boto3, json
def handler(event, context):
    job = event["CodePipeline.job"]
    codepipeline = boto3.client("codepipeline")
    given = job["data"]["actionConfiguration"]["configuration"].get("UserParameters", "")
"""


def trust(**principal: Any) -> str:
    """A trust policy for a principal."""
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def zipped(**files: str) -> bytes:
    """An archive of text files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


def act(name: str, kind: str, configuration: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """An action of ``kind`` (``Deploy/CloudFormation``)."""
    category, provider = kind.split("/")
    lists = {
        member: [{"name": artifact} for artifact in more.pop(member, ())]
        for member in ("inputArtifacts", "outputArtifacts")
    }
    type_ = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": name, "actionTypeId": type_, "configuration": configuration or {}, **lists, **more}


def stage(name: str, *actions: dict[str, Any]) -> dict[str, Any]:
    """A stage of actions."""
    return {"name": name, "actions": list(actions)}


class Plant:
    """A local AWS with what pipelines need."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.reconnect()
        location = {"LocationConstraint": aws.region}
        self.bucket, self.store = unique("source"), unique("artifacts")
        for bucket in (self.bucket, self.store):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=location)
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        self.role = self.make_role(Service="codepipeline.amazonaws.com")
        self.stack_role = self.make_role(Service="cloudformation.amazonaws.com")

    def reconnect(self) -> Plant:
        """Take up clients of a local AWS that was started again."""
        self.codepipeline = self.aws.client("codepipeline")
        self.s3 = self.aws.client("s3")
        return self

    def make_role(self, **principal: Any) -> str:
        """A role that trusts a principal; its ARN."""
        iam = self.aws.client("iam")
        return str(iam.create_role(RoleName=unique("role"), AssumeRolePolicyDocument=trust(**principal))["Role"]["Arn"])

    def put(self, key: str = KEY, **files: str) -> str:
        """Put an archive into the source bucket; its version."""
        files = files or {"readme": "hello"}
        return str(self.s3.put_object(Bucket=self.bucket, Key=key, Body=zipped(**files))["VersionId"])

    def source(self, name: str = "Source", key: str = KEY, **more: Any) -> dict[str, Any]:
        """A source action."""
        configuration = {"S3Bucket": self.bucket, "S3ObjectKey": key, "PollForSourceChanges": "false"}
        return act(name, "Source/S3", configuration, outputArtifacts=[name], **{"namespace": name, **more})

    def function(self, body: str) -> str:
        """A function whose body finishes ``job`` by ``codepipeline``, with ``given`` parameters; its name."""
        name = unique("function")
        make_function(self.aws, name, _REPORT + "\n".join(f"    {line}" for line in body.strip().splitlines()))
        return name

    def declaration(self, *stages: dict[str, Any], **more: Any) -> dict[str, Any]:
        """A pipeline of the source stage and ``stages``."""
        return {
            "name": unique("pipeline"),
            "roleArn": self.role,
            "artifactStore": {"type": "S3", "location": self.store},
            "pipelineType": "V2",
            "stages": [stage("Source", self.source()), *stages],
            **more,
        }

    def pipeline(self, *stages: dict[str, Any], **more: Any) -> str:
        """Make a pipeline, whose first execution starts at once; its name."""
        declaration = self.declaration(*stages, **more)
        return str(self.codepipeline.create_pipeline(pipeline=declaration)["pipeline"]["name"])

    def first(self, pipeline: str) -> str:
        """The oldest execution of a pipeline."""
        return self.executions(pipeline)[-1]

    def executions(self, pipeline: str) -> list[str]:
        """The executions of a pipeline, the newest first."""
        found = self.codepipeline.list_pipeline_executions(pipelineName=pipeline)["pipelineExecutionSummaries"]
        return [item["pipelineExecutionId"] for item in found]

    def start(self, pipeline: str, **given: Any) -> str:
        """Start an execution; its id."""
        return str(self.codepipeline.start_pipeline_execution(name=pipeline, **given)["pipelineExecutionId"])

    def look(self, pipeline: str, id: str) -> dict[str, Any]:
        """An execution as it is."""
        found = self.codepipeline.get_pipeline_execution(pipelineName=pipeline, pipelineExecutionId=id)
        return dict(found["pipelineExecution"])

    def ended(self, pipeline: str, id: str | None = None) -> dict[str, Any]:
        """An execution (the first) once it is over."""
        id = id or self.first(pipeline)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (execution := self.look(pipeline, id))["status"] in ("InProgress", "Stopping"):
            assert time.monotonic() < deadline, self.state(pipeline)
            time.sleep(0.05)
        return execution

    def succeeded(self, pipeline: str, id: str | None = None) -> dict[str, Any]:
        """An execution (the first) that must end well."""
        execution = self.ended(pipeline, id)
        assert execution["status"] == "Succeeded", execution
        return execution

    def state(self, pipeline: str) -> dict[str, dict[str, Any]]:
        """The states of a pipeline's stages by name."""
        found = self.codepipeline.get_pipeline_state(name=pipeline)["stageStates"]
        return {item["stageName"]: item for item in found}

    def actions(self, pipeline: str, id: str | None = None) -> dict[str, dict[str, Any]]:
        """The last run of each action in an execution (the first) by name."""
        latest = {"pipelineExecutionId": id or self.first(pipeline), "startTimeRange": "Latest"}
        found = self.codepipeline.list_action_executions(
            pipelineName=pipeline, filter={"latestInPipelineExecution": latest}
        )["actionExecutionDetails"]
        return {item["actionName"]: item for item in found}

    def error(self, pipeline: str, action: str, id: str | None = None) -> str:
        """Why an action failed, which the execution must tell too."""
        execution = self.ended(pipeline, id)
        assert execution["status"] == "Failed", execution
        message = self.actions(pipeline, id)[action]["output"]["executionResult"]["errorDetails"]["message"]
        assert execution["statusSummary"] == message
        return str(message)

    def token(self, pipeline: str, stage: str, action: str, id: str | None = None) -> str:
        """The token of an approval once it waits (in the execution ``id``)."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            state = self.state(pipeline)[stage]
            running = state.get("latestExecution", {}).get("pipelineExecutionId")
            for found in state["actionStates"]:
                token = found.get("latestExecution", {}).get("token")
                if found["actionName"] == action and token and id in (None, running):
                    return str(token)
            assert time.monotonic() < deadline, state
            time.sleep(0.05)

    def answer(self, pipeline: str, stage: str, action: str, *, status: str = "Approved", summary: str = "") -> None:
        """Give an approval its result."""
        self.codepipeline.put_approval_result(
            pipelineName=pipeline,
            stageName=stage,
            actionName=action,
            result={"status": status, "summary": summary},
            token=self.token(pipeline, stage, action),
        )
