"""Pipelines: create, update, describe, list, delete."""

from __future__ import annotations

from typing import Any

from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.errors import ConflictException, ValidationException
from modelyard.local.sagemaker.jobs.storage import Storage, StorageError
from modelyard.local.sagemaker.operations import operation
from modelyard.local.sagemaker.paging import listed
from modelyard.local.sagemaker.pipelines.definition import read_definition
from modelyard.local.sagemaker.pipelines.records import ENDED, executions, executions_of, find_pipeline, pipelines
from modelyard.local.sagemaker.tags import forget, set_tags

__all__ = ["create_pipeline", "delete_pipeline", "update_pipeline"]

_CHANGEABLE = ("PipelineDisplayName", "PipelineDescription", "RoleArn", "ParallelismConfiguration")


@operation("CreatePipeline")
def create_pipeline(context: Context, request: dict[str, Any]) -> Record:
    name, now = request["PipelineName"], context.now()
    existing = pipelines(context).get(name)
    if existing is not None:
        if existing["_Token"] == request["ClientRequestToken"]:
            return existing
        # The SDK's `Pipeline.upsert` looks for these words.
        raise ValidationException(
            "Pipeline names must be unique within an AWS account and region. "
            f"Pipeline with name ({name}) already exists."
        )
    record = {
        "PipelineArn": context.arn(f"pipeline/{name}"),
        "PipelineName": name,
        "PipelineDisplayName": name,
        "PipelineDefinition": _definition(context, request),
        "PipelineStatus": "Active",
        "CreationTime": now,
        "LastModifiedTime": now,
        "CreatedBy": {},
        "LastModifiedBy": {},
        "_Token": request["ClientRequestToken"],
        **{member: request[member] for member in _CHANGEABLE if member in request},
    }
    pipelines(context)[name] = record
    set_tags(context, record["PipelineArn"], request.get("Tags", []))
    context.snapshot()
    return record


@operation("UpdatePipeline")
def update_pipeline(context: Context, request: dict[str, Any]) -> Record:
    record = find_pipeline(context, request["PipelineName"])
    if "PipelineDefinition" in request or "PipelineDefinitionS3Location" in request:
        record["PipelineDefinition"] = _definition(context, request)
    record.update({member: request[member] for member in _CHANGEABLE if member in request})
    record["LastModifiedTime"] = context.now()
    context.snapshot()
    return record


@operation("DescribePipeline")
def describe_pipeline(context: Context, request: dict[str, Any]) -> Record:
    if request.get("PipelineVersionId", 1) != 1:
        raise ValidationException("PipelineVersionId is not supported by the local AWS; leave it out")
    return find_pipeline(context, request["PipelineName"])


@operation("ListPipelines")
def list_pipelines(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    summaries = [{**record, "LastExecutionTime": record.get("LastRunTime")} for record in pipelines(context).values()]
    return listed(
        request,
        summaries,
        answer="PipelineSummaries",
        name="PipelineName",
        filters={
            "PipelineNamePrefix": lambda record, prefix: bool(record["PipelineName"].startswith(prefix)),
            "CreatedAfter": lambda record, time: bool(record["CreationTime"] > time),
            "CreatedBefore": lambda record, time: bool(record["CreationTime"] < time),
        },
        page_size=10,
    )


@operation("DeletePipeline")
def delete_pipeline(context: Context, request: dict[str, Any]) -> Record:
    record = find_pipeline(context, request["PipelineName"])
    runs = executions_of(context, record["PipelineArn"])
    if any(run["PipelineExecutionStatus"] not in ENDED for run in runs):
        raise ConflictException(
            f"Pipeline '{record['PipelineArn']}' has executions that run: stop them before it is deleted."
        )
    for run in runs:
        del executions(context)[run["PipelineExecutionArn"]]
    del pipelines(context)[record["PipelineName"]]
    forget(context, record["PipelineArn"])
    context.snapshot()
    return record


def _definition(context: Context, request: dict[str, Any]) -> str:
    text, location = request.get("PipelineDefinition"), request.get("PipelineDefinitionS3Location")
    if (text is None) == (location is None):
        raise ValidationException("Give either PipelineDefinition or PipelineDefinitionS3Location")
    if location is not None:
        uri = f"s3://{location['Bucket']}/{location['ObjectKey']}"
        try:
            text = Storage(context.client("s3")).read(uri).decode()
        except (StorageError, UnicodeDecodeError) as error:
            raise ValidationException(f"PipelineDefinitionS3Location: {error}") from None
    read_definition(str(text))
    return str(text)
