"""Projects with pipelines that take no time, and clients that tell what they are asked."""

from __future__ import annotations

import json
import time
from typing import Any, ClassVar

from modelyard.lambdas.delivery.access import StageAccess
from modelyard.local import environment
from tests.local.sagemaker.lab import Lab, unique
from tests.local_aws import LocalAws

__all__ = ["Died", "Project", "StageOfTest", "await_executions", "executions"]


class Died(BaseException):
    """A function's process ended in the middle of its work; no handler can catch it."""


class Project:
    """A pipeline that registers a version, or fails where `Limit` is below its error, on data below `prefix`."""

    def __init__(
        self,
        lab: Lab,
        name: str,
        *,
        prefix: str = "",
        limit: float = 3.0,
        wait: bool = False,
        registers: bool = True,
    ) -> None:
        self.lab = lab
        self.name = name
        self.group = unique("group")
        self.pipeline = unique(name)
        self.prefix = prefix or f"{self.pipeline}/"
        self.limit = limit
        self.registers = registers
        self.gate = lab.aws.project_dir / unique("gate")
        self.waits = wait
        lab.sagemaker.create_model_package_group(ModelPackageGroupName=self.group)
        self.evaluation = lab.put(
            f"{unique('evaluation')}.json",
            json.dumps(
                {
                    "regression_metrics": {"rmse": {"value": 2.18123, "standard_deviation": 0.1}},
                    "test_rows": 9,
                }
            ),
        )
        lab.sagemaker.create_pipeline(PipelineName=self.pipeline, **self._definition(), ClientRequestToken="t" * 32)

    @property
    def uri(self) -> str:
        return f"s3://{self.lab.bucket}/{self.prefix}"

    def put(self, name: str = "data.csv", content: str = "1") -> None:
        self.lab.put(f"{self.prefix}{name}", content)

    def change(self, **changed: Any) -> None:
        """Give the pipeline another definition."""
        vars(self).update(changed)
        self.lab.sagemaker.update_pipeline(PipelineName=self.pipeline, **self._definition())

    def open(self) -> None:
        """Let executions that wait go on."""
        self.gate.touch()

    def executions(self) -> list[dict[str, Any]]:
        return executions(self.lab.aws, self.pipeline)

    def end(self) -> list[str]:
        """Wait until every execution has ended; returns how, the newest first."""
        return [
            self.lab.execution_ended(item["PipelineExecutionArn"])["PipelineExecutionStatus"]
            for item in self.executions()
        ]

    def _definition(self) -> dict[str, Any]:
        container = {"Image": self.lab.image, "ModelDataUrl": self.evaluation}
        register = {
            "Name": "Register",
            "Type": "RegisterModel",
            "Arguments": {
                "ModelPackageGroupName": self.group,
                "ModelApprovalStatus": "PendingManualApproval",
                "InferenceSpecification": {
                    "Containers": [container],
                    "SupportedContentTypes": ["text/csv"],
                    "SupportedResponseMIMETypes": ["text/csv"],
                },
                "ModelMetrics": {
                    "ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": self.evaluation}}
                },
            },
        }
        message = {"Std:Join": {"On": " ", "Values": ["RMSE 2.4 is above the threshold", str(self.limit)]}}
        refuse = {"Name": "Refuse", "Type": "Fail", "Arguments": {"ErrorMessage": message}}
        conditions = [{"Type": "LessThanOrEqualTo", "LeftValue": 2.4, "RightValue": {"Get": "Parameters.Limit"}}]
        good = [register] if self.registers else []
        check: dict[str, Any] = {
            "Name": "Check",
            "Type": "Condition",
            "Arguments": {
                "Conditions": conditions,
                "IfSteps": good,
                "ElseSteps": [refuse],
            },
        }
        steps = [check]
        if self.waits:
            script = f"import pathlib, time\nwhile not pathlib.Path({str(self.gate)!r}).exists(): time.sleep(0.05)"
            steps = [
                {"Name": "Wait", "Type": "Processing", "Arguments": self.lab.processing(script)},
                {**check, "DependsOn": ["Wait"]},
            ]
        parameters = [
            {"Name": "InputDataUri", "Type": "String", "DefaultValue": self.uri},
            {"Name": "Limit", "Type": "Float", "DefaultValue": self.limit},
        ]
        definition = {"Version": "2020-12-01", "Parameters": parameters, "Steps": steps}
        return {"PipelineDefinition": json.dumps(definition), "RoleArn": self.lab.role}


class StageOfTest:
    """A stage with projects; `calls` are those that were made with `client`, which dies when `die_after` were made."""

    _asking: ClassVar[StageOfTest]
    _clients: ClassVar[dict[tuple[str, str], Any]] = {}

    def __init__(self, lab: Lab, *projects: Project) -> None:
        self.lab = lab
        self.name = unique("s").replace("-", "")
        self.projects = projects
        self.calls: list[str] = []
        self.die_after = 0
        for project in projects:
            for key, value in (("pipeline", project.pipeline), ("model-package-group", project.group)):
                lab.aws.client("ssm").put_parameter(
                    Name=f"/modelyard/{self.name}/{project.name}/{key}", Value=value, Type="String"
                )

    @property
    def access(self) -> StageAccess:
        return StageAccess(self.name, self.lab.aws.account, self.lab.aws.region, self.client)

    def client(self, service: str) -> Any:
        """A client that tells this stage; clients are made once, which takes longer than what is done with them."""
        StageOfTest._asking = self
        key = (self.lab.aws.url, service)
        if key not in self._clients:
            made = environment.client(self.lab.aws.instance, service)
            made.meta.events.register("after-call", _told)
            self._clients[key] = made
        return self._clients[key]


def _told(model: Any, **rest: Any) -> None:
    stage = StageOfTest._asking
    stage.calls.append(f"{model.service_model.service_name}:{model.name}")
    if len(stage.calls) == stage.die_after:
        raise Died(model.name)


def executions(aws: LocalAws, pipeline: str) -> list[dict[str, Any]]:
    """The executions of a pipeline, the newest first."""
    pages = aws.client("sagemaker").get_paginator("list_pipeline_executions").paginate(PipelineName=pipeline)
    return [item for page in pages for item in page["PipelineExecutionSummaries"]]


def await_executions(aws: LocalAws, pipeline: str, count: int, seconds: float = 30) -> list[dict[str, Any]]:
    """The executions of a pipeline as soon as there are `count`."""
    deadline = time.monotonic() + seconds
    while len(found := executions(aws, pipeline)) < count:
        assert time.monotonic() < deadline, f"{pipeline} has {len(found)} executions, not {count}"
        time.sleep(0.1)
    return found
