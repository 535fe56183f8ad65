"""The table of CodePipeline's operations, its records, and what several operations share.

A pipeline's record has its declaration, an execution's the declaration that it started with and how far it is, an
action's what ListActionExecutions tells of one run of it. Members that begin with ``_`` are ours alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from modelyard.local.codepipeline.errors import (
    InvalidNextTokenException,
    PipelineExecutionNotFoundException,
    PipelineNotFoundException,
    StageNotFoundException,
)
from modelyard.local.sagemaker.context import Context, Record, Table
from modelyard.local.sagemaker.operations import Api

__all__ = [
    "API",
    "IN_PROGRESS",
    "RUNNING",
    "actions",
    "arn_of",
    "executions",
    "executions_of",
    "find_execution",
    "find_pipeline",
    "find_stage",
    "jobs",
    "operation",
    "page",
    "pipelines",
]

API = Api("codepipeline", "CodePipeline")
operation = API.operation

IN_PROGRESS = "InProgress"
RUNNING = (IN_PROGRESS, "Stopping")
"""The statuses of executions that are not over."""


def pipelines(context: Context) -> Table:
    """The pipelines by name."""
    return context.table("codepipeline-pipelines")


def executions(context: Context) -> Table:
    """The executions of all pipelines by id, the oldest first."""
    return context.table("codepipeline-executions")


def actions(context: Context) -> Table:
    """The action executions of all pipelines by id, the oldest first."""
    return context.table("codepipeline-actions")


def jobs(context: Context) -> Table:
    """The jobs of actions by id."""
    return context.table("codepipeline-jobs")


def arn_of(context: Context, name: str) -> str:
    """The ARN of the pipeline ``name``."""
    return f"arn:aws:codepipeline:{context.region}:{context.account}:{name}"


def find_pipeline(context: Context, name: str) -> Record:
    """The pipeline ``name``; raises ``PipelineNotFoundException``."""
    pipeline = pipelines(context).get(name)
    if pipeline is None:
        raise PipelineNotFoundException(f"Account '{context.account}' does not have a pipeline with name '{name}'")
    return pipeline


def find_stage(declaration: Record, name: str) -> Record:
    """The stage ``name`` of a pipeline's declaration; raises ``StageNotFoundException``."""
    for stage in declaration["stages"]:
        if stage["name"] == name:
            return dict(stage)
    raise StageNotFoundException(f"The pipeline '{declaration['name']}' has no stage with name '{name}'")


def executions_of(context: Context, pipeline: str) -> Iterator[Record]:
    """The executions of a pipeline, the oldest first."""
    return (record for record in list(executions(context).values()) if record["pipelineName"] == pipeline)


def find_execution(context: Context, pipeline: str, id: str) -> Record:
    """The execution ``id`` of a pipeline; raises ``PipelineExecutionNotFoundException``."""
    find_pipeline(context, pipeline)
    record = executions(context).get(id)
    if record is None or record["pipelineName"] != pipeline:
        raise PipelineExecutionNotFoundException(f"The pipeline '{pipeline}' has no execution with id '{id}'")
    return record


def page(request: dict[str, Any], records: Sequence[Any], answer: str, size: int = 100) -> dict[str, Any]:
    """The page of ``records`` that ``request`` asks for, under the key ``answer``."""
    token = request.get("nextToken") or "0"
    if not token.isdecimal():
        raise InvalidNextTokenException(f"Invalid nextToken '{token}'")
    start = int(token)
    end = start + (request.get("maxResults") or size)
    return {answer: list(records[start:end]), **({"nextToken": str(end)} if end < len(records) else {})}
