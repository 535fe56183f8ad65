"""What the functions of one execution can read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.jobs.storage import Storage
from modelyard.local.sagemaker.pipelines.definition import Step
from modelyard.local.sagemaker.pipelines.functions import Scope
from modelyard.local.sagemaker.pipelines.paths import MISSING, walk
from modelyard.local.sagemaker.pipelines.records import execution_id

__all__ = ["add_result", "scope_of"]


def scope_of(context: Context, record: Record, storage: Storage) -> Scope:
    """The scope of the execution ``record`` before any step has run."""
    execution = {
        "PipelineName": record["PipelineArn"].rpartition("/")[2],
        "PipelineArn": record["PipelineArn"],
        "PipelineExecutionId": execution_id(record),
        "PipelineExecutionArn": record["PipelineExecutionArn"],
        "StartDateTime": _text(record["CreationTime"]),
        "CurrentDateTime": lambda: _text(context.now()),
    }
    return Scope(record["_Parameters"], execution, storage.read)


def add_result(scope: Scope, step: Step, properties: dict[str, Any]) -> None:
    """Let ``scope`` read what ``step`` has made."""
    scope.properties[step.name] = properties
    for name, declared in step.property_files.items():
        location = walk(properties, ["ProcessingOutputConfig", "Outputs", declared["OutputName"], "S3Output", "S3Uri"])
        if location is not MISSING:
            scope.property_files[step.name, name] = f"{location.rstrip('/')}/{declared['FilePath']}"


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
