"""Executions of pipelines: start, stop, retry, describe, list."""

from __future__ import annotations

import secrets
import string
from typing import Any

from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.errors import ConflictException, ValidationException
from modelyard.local.sagemaker.operations import operation
from modelyard.local.sagemaker.paging import listed
from modelyard.local.sagemaker.pipelines.definition import read_definition
from modelyard.local.sagemaker.pipelines.parameters import values
from modelyard.local.sagemaker.pipelines.records import (
    ENDED,
    executions,
    executions_of,
    find_execution,
    find_pipeline,
    set_execution_status,
)

__all__ = ["start_pipeline_execution", "stop_pipeline_execution"]

_ALPHABET = string.ascii_lowercase + string.digits
_UNSUPPORTED = ("SelectiveExecutionConfig", "PipelineVersionId", "MlflowExperimentName")


@operation("StartPipelineExecution")
def start_pipeline_execution(context: Context, request: dict[str, Any]) -> Record:
    pipeline = find_pipeline(context, request["PipelineName"])
    for member in _UNSUPPORTED:
        if member in request:
            raise ValidationException(f"{member} is not supported by the local AWS; leave it out")
    runs = executions_of(context, pipeline["PipelineArn"])
    for run in runs:
        if run["_Token"] == request["ClientRequestToken"]:
            return run
    given = request.get("PipelineParameters", [])
    definition = read_definition(pipeline["PipelineDefinition"])
    now = context.now()
    identifier = "".join(secrets.choice(_ALPHABET) for _ in range(12))
    record = {
        "PipelineArn": pipeline["PipelineArn"],
        "PipelineExecutionArn": f"{pipeline['PipelineArn']}/execution/{identifier}",
        "PipelineExecutionDisplayName": request.get("PipelineExecutionDisplayName", f"execution-{int(now * 1000)}"),
        "PipelineExecutionDescription": request.get("PipelineExecutionDescription"),
        "CreationTime": now,
        "CreatedBy": {},
        "LastModifiedBy": {},
        "ParallelismConfiguration": request.get("ParallelismConfiguration", pipeline.get("ParallelismConfiguration")),
        "_Token": request["ClientRequestToken"],
        "_Definition": pipeline["PipelineDefinition"],
        "_Parameters": values(definition.parameters, given),
        "_Steps": {},
    }
    executions(context)[record["PipelineExecutionArn"]] = record
    pipeline["LastRunTime"] = now
    set_execution_status(context, record, "Executing")
    context.component("pipelines").start(context, record, definition)
    return record


@operation("StopPipelineExecution")
def stop_pipeline_execution(context: Context, request: dict[str, Any]) -> Record:
    record = find_execution(context, request["PipelineExecutionArn"])
    if record["PipelineExecutionStatus"] in ENDED:
        raise ConflictException(
            f"Pipeline execution '{record['PipelineExecutionArn']}' has ended: {record['PipelineExecutionStatus']}."
        )
    if record["PipelineExecutionStatus"] == "Executing":
        set_execution_status(context, record, "Stopping")
        context.component("pipelines").stop(record["PipelineExecutionArn"])
    return record


@operation("RetryPipelineExecution")
def retry_pipeline_execution(context: Context, request: dict[str, Any]) -> Record:
    record = find_execution(context, request["PipelineExecutionArn"])
    if record["PipelineExecutionStatus"] not in ("Failed", "Stopped"):
        raise ConflictException(
            f"Pipeline execution '{record['PipelineExecutionArn']}' is {record['PipelineExecutionStatus']}: "
            "only one that is Failed or Stopped can be retried."
        )
    record["_Steps"] = {name: step for name, step in record["_Steps"].items() if step["StepStatus"] == "Succeeded"}
    record.pop("FailureReason", None)
    if "ParallelismConfiguration" in request:
        record["ParallelismConfiguration"] = request["ParallelismConfiguration"]
    set_execution_status(context, record, "Executing")
    context.component("pipelines").start(context, record, read_definition(record["_Definition"]))
    return record


@operation("UpdatePipelineExecution")
def update_pipeline_execution(context: Context, request: dict[str, Any]) -> Record:
    record = find_execution(context, request["PipelineExecutionArn"])
    record.update(request)
    record["LastModifiedTime"] = context.now()
    return record


@operation("DescribePipelineExecution")
def describe_pipeline_execution(context: Context, request: dict[str, Any]) -> Record:
    return find_execution(context, request["PipelineExecutionArn"])


@operation("DescribePipelineDefinitionForExecution")
def describe_pipeline_definition_for_execution(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    record = find_execution(context, request["PipelineExecutionArn"])
    return {"PipelineDefinition": record["_Definition"], "CreationTime": record["CreationTime"]}


@operation("ListPipelineExecutions")
def list_pipeline_executions(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    pipeline = find_pipeline(context, request["PipelineName"])
    summaries = [
        {
            **record,
            "StartTime": record["CreationTime"],
            "PipelineExecutionFailureReason": record.get("FailureReason"),
        }
        for record in executions_of(context, pipeline["PipelineArn"])
    ]
    return listed(
        request,
        summaries,
        answer="PipelineExecutionSummaries",
        name="PipelineExecutionArn",
        filters={
            "CreatedAfter": lambda record, time: bool(record["CreationTime"] > time),
            "CreatedBefore": lambda record, time: bool(record["CreationTime"] < time),
        },
        page_size=10,
    )


@operation("ListPipelineExecutionSteps")
def list_pipeline_execution_steps(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    if "PipelineExecutionArn" not in request:
        raise ValidationException("PipelineExecutionArn is needed to list the steps of an execution")
    record = find_execution(context, request["PipelineExecutionArn"])
    return listed(
        request,
        record["_Steps"].values(),
        answer="PipelineExecutionSteps",
        name="StepName",
        default_sort="StartTime",
        page_size=10,
    )


@operation("ListPipelineParametersForExecution")
def list_pipeline_parameters_for_execution(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    record = find_execution(context, request["PipelineExecutionArn"])
    parameters = [{"Name": name, "Value": _text(value)} for name, value in record["_Parameters"].items()]
    return listed(
        request, parameters, answer="PipelineParameters", name="Name", default_sort="Name", default_order="Ascending"
    )


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
