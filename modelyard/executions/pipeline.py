"""A project's pipeline in a stage: its parameters, its steps, and its executions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from modelyard import names
from modelyard.approvals.connection import Connection
from modelyard.approvals.errors import ApprovalError
from modelyard.executions.execution import Execution, execution_id, steps_of
from modelyard.executions.parameters import Parameter, checked, declared, different
from modelyard.lambdas.serving.errors import unless_absent
from modelyard.lambdas.serving.instants import whole_second
from modelyard.settings.errors import nearest

__all__ = ["LATEST", "ProjectPipeline", "Summary"]

LATEST = "latest"
_LONGEST_DESCRIPTION = 3072  # characters: API reference of StartPipelineExecution
_NAME = r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,255}"  # of a pipeline: API reference of CreatePipeline
_TOLD = 5  # executions that an error names


@dataclass(frozen=True)
class Summary:
    """One execution in a list. `seconds` is how long it took, or takes so far; `parameters` are those that are not the
    defaults that the pipeline has now; `version` is None where none was registered."""

    id: str
    status: str
    started: str
    seconds: float
    parameters: dict[str, str]
    version: int | None
    description: str
    reason: str
    arn: str


@dataclass(frozen=True)
class ProjectPipeline:
    """The pipeline `name` of a project, and what its definition declares."""

    connection: Connection
    project: str
    name: str
    parameters: dict[str, Parameter]
    steps: tuple[str, ...]

    @staticmethod
    def find(connection: Connection, project: str) -> ProjectPipeline:
        """The pipeline that a stage has for a project.

        Raises:
            ApprovalError: it has none; says for which projects it does.
        """
        name = names.resource_name(connection.stage, project)
        describe = connection.client("sagemaker").describe_pipeline
        answer = unless_absent(describe, PipelineName=name) if re.fullmatch(_NAME, name) else None
        if answer is None:
            raise _unknown(connection, project)
        definition = json.loads(answer["PipelineDefinition"])
        return ProjectPipeline(
            connection, project, name, declared(definition), tuple(_step_names(definition.get("Steps", [])))
        )

    def start(self, values: Mapping[str, str], description: str = "") -> str:
        """Start an execution; returns its ARN.

        Raises:
            ApprovalError: a parameter or its value is not one that the pipeline takes; nothing is started.
        """
        if not description.isprintable():
            raise ApprovalError("--description: it has a line break or another control character; write it on one line")
        if len(description) > _LONGEST_DESCRIPTION:
            raise ApprovalError(
                f"--description: {len(description)} characters; SageMaker takes {_LONGEST_DESCRIPTION}; shorten it"
            )
        answer = self._sagemaker.start_pipeline_execution(
            PipelineName=self.name,
            PipelineParameters=checked(values, self.parameters),
            **({"PipelineExecutionDescription": description} if description else {}),
        )
        return str(answer["PipelineExecutionArn"])

    def check_step(self, step: str, execution: Execution) -> None:
        """Refuse a step that neither the pipeline nor the execution, of an earlier definition maybe, has.

        Raises:
            ApprovalError: says which there are.
        """
        steps = list(dict.fromkeys([*self.steps, *(each.name for each in execution.steps)]))
        if step and step not in steps:
            there = f"it has: {', '.join(steps)}{nearest(step, steps)}"
            raise ApprovalError(f"--step {step}: pipeline {self.name} has no such step; {there}")

    def executions(self, limit: int) -> list[Summary]:
        """The last `limit` executions, newest first."""
        now = datetime.now(UTC)
        return [self._summary(item, now) for item in self._listed(limit)]

    def execution(self, wanted: str = LATEST) -> str:
        """The ARN of an execution: the latest, or that of an id or ARN.

        Raises:
            ApprovalError: there is none; says which there are.
        """
        arns = []
        for item in self._listed():
            arns.append(item["PipelineExecutionArn"])
            if wanted in (LATEST, arns[-1], execution_id(arns[-1])):
                return str(arns[-1])
        ids = [execution_id(arn) for arn in arns]
        if not ids:
            raise ApprovalError(f"pipeline {self.name} has no execution yet; start one: modelyard run {self.project}")
        there = ", ".join(ids[:_TOLD]) + (f" and {len(ids) - _TOLD} older ones" if len(ids) > _TOLD else "")
        raise ApprovalError(
            f"execution {wanted!r}: pipeline {self.name} has no such execution; the last ones are: {there}"
            f"{nearest(wanted, ids)}"
        )

    @property
    def _sagemaker(self) -> Any:
        return self.connection.client("sagemaker")

    def _listed(self, limit: int | None = None) -> Iterator[dict[str, Any]]:
        pages = self._sagemaker.get_paginator("list_pipeline_executions").paginate(
            PipelineName=self.name,
            SortBy="CreationTime",
            SortOrder="Descending",
            PaginationConfig={"MaxItems": limit, "PageSize": min(limit or 100, 100)},
        )
        for page in pages:
            yield from page["PipelineExecutionSummaries"]

    def _summary(self, item: dict[str, Any], now: datetime) -> Summary:
        arn = item["PipelineExecutionArn"]
        seen = Execution(
            arn=arn,
            status=item["PipelineExecutionStatus"],
            reason=item.get("PipelineExecutionFailureReason", ""),
            started=item["StartTime"],
            steps=steps_of(self._sagemaker, arn),
        )
        version = execution_id(seen.package_arn)
        return Summary(
            id=seen.id,
            status=seen.status,
            started=whole_second(seen.started),
            seconds=round(seen.seconds(now), 1),
            parameters=different(self._values(arn), self.parameters),
            version=int(version) if version.isdecimal() else None,
            description=item.get("PipelineExecutionDescription", ""),
            reason="; ".join(seen.failures) or seen.reason,
            arn=arn,
        )

    def _values(self, arn: str) -> dict[str, str]:
        paginator = self._sagemaker.get_paginator("list_pipeline_parameters_for_execution")
        pages = paginator.paginate(PipelineExecutionArn=arn)
        return {item["Name"]: item["Value"] for page in pages for item in page["PipelineParameters"]}


def _unknown(connection: Connection, project: str) -> ApprovalError:
    prefix = names.resource_name(connection.stage, "")
    # A prefix has to be a name itself, so it cannot end with the hyphen: another stage's may begin with it.
    paginator = connection.client("sagemaker").get_paginator("list_pipelines")
    pages = paginator.paginate(PipelineNamePrefix=prefix.rstrip("-"))
    listed = [item["PipelineName"] for page in pages for item in page["PipelineSummaries"]]
    found = sorted(name.removeprefix(prefix) for name in listed if name.startswith(prefix))
    if not found:
        return ApprovalError(
            f"project {project!r}: stage {connection.stage} has no pipeline at all; run `cdk deploy --all`"
        )
    there = f"it has one for: {', '.join(found)}{nearest(project, found)}"
    return ApprovalError(f"project {project!r}: stage {connection.stage} has no pipeline for it; {there}")


def _step_names(steps: list[dict[str, Any]]) -> Iterator[str]:
    for step in steps:
        yield step["Name"]
        arguments = step.get("Arguments") or {}
        for branch in ("IfSteps", "ElseSteps"):
            yield from _step_names(arguments.get(branch) or [])
