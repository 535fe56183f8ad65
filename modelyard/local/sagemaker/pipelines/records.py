"""Pipelines and their executions as they are kept, and the events of what happens to them.

The events are those of https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from modelyard.local.sagemaker.context import Context, Record, Table
from modelyard.local.sagemaker.errors import ResourceNotFound

__all__ = [
    "ENDED",
    "execution_id",
    "executions",
    "executions_of",
    "find_execution",
    "find_pipeline",
    "pipelines",
    "set_execution_status",
    "set_step_status",
]

ENDED = ("Stopped", "Failed", "Succeeded")
_STEP_ENDED = ("Stopped", "Failed", "Succeeded")


def pipelines(context: Context) -> Table:
    """Pipelines by name."""
    return context.table("pipelines")


def executions(context: Context) -> Table:
    """Executions by ARN; ``_Steps`` holds their steps by name, ``_Definition`` the definition they run."""
    return context.table("pipeline-executions")


def executions_of(context: Context, pipeline_arn: str) -> list[Record]:
    return [record for record in executions(context).values() if record["PipelineArn"] == pipeline_arn]


def find_pipeline(context: Context, name: str) -> Record:
    """The pipeline with this name or ARN; raises ``ResourceNotFound``."""
    short = name.rpartition("/")[2]
    if short not in pipelines(context):
        raise ResourceNotFound(f"Pipeline '{context.arn(f'pipeline/{short}')}' does not exist.")
    return pipelines(context)[short]


def find_execution(context: Context, arn: str) -> Record:
    """The execution with this ARN; raises ``ResourceNotFound``."""
    if arn not in executions(context):
        raise ResourceNotFound(f"Pipeline execution with ARN '{arn}' does not exist.")
    return executions(context)[arn]


def execution_id(record: Record) -> str:
    return str(record["PipelineExecutionArn"]).rpartition("/")[2]


def set_execution_status(context: Context, record: Record, status: str, reason: str | None = None) -> None:
    """Record the execution's status and emit its event; the lock is held."""
    previous, now = record.get("PipelineExecutionStatus"), context.now()
    record.update(PipelineExecutionStatus=status, LastModifiedTime=now)
    if reason:
        record["FailureReason"] = reason[:1300]
    detail = {
        **_names(record),
        "pipelineExecutionDisplayName": record["PipelineExecutionDisplayName"],
        "pipelineExecutionDescription": record.get("PipelineExecutionDescription", ""),
        "currentPipelineExecutionStatus": status,
        "previousPipelineExecutionStatus": previous,
        "executionStartTime": _text(record["CreationTime"]),
    }
    if status in ENDED:
        detail["executionEndTime"] = _text(now)
    if reason:
        detail["failureReason"] = record["FailureReason"]
    _emit(context, record, "SageMaker Model Building Pipeline Execution Status Change", detail)


def set_step_status(context: Context, record: Record, step: Record, status: str, reason: str | None = None) -> None:
    """Record the status of one step of the execution ``record`` and emit its event; the lock is held."""
    previous, now = step.get("StepStatus"), context.now()
    step["StepStatus"] = status
    if status in _STEP_ENDED:
        step["EndTime"] = now
    if reason:
        step["FailureReason"] = reason[:1024]
    detail = {
        **_names(record),
        "stepName": step["StepName"],
        "stepType": step["_Type"],
        "currentStepStatus": status,
        "previousStepStatus": previous,
        "stepStartTime": _text(step["StartTime"]),
        "metadata": {_lower(name): value for name, value in step.get("Metadata", {}).items()},
    }
    if "EndTime" in step:
        detail["stepEndTime"] = _text(step["EndTime"])
    if "CacheHitResult" in step:
        detail["cacheHitResult"] = {"sourcePipelineExecutionArn": step["CacheHitResult"]["SourcePipelineExecutionArn"]}
    if reason:
        detail["failureReason"] = step["FailureReason"]
    _emit(context, record, "SageMaker Model Building Pipeline Execution Step Status Change", detail)


def _names(record: Record) -> dict[str, Any]:
    return {"pipelineArn": record["PipelineArn"], "pipelineExecutionArn": record["PipelineExecutionArn"]}


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]


def _emit(context: Context, record: Record, detail_type: str, detail: dict[str, Any]) -> None:
    context.emit(detail_type, detail, [record["PipelineArn"], record["PipelineExecutionArn"]])


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
