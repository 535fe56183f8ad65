"""Executions: started, stopped, retried, shown. See
https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_StartPipelineExecution.html.
"""

from __future__ import annotations

from typing import Any

from modelyard.local.codepipeline.api import (
    RUNNING,
    actions,
    executions_of,
    find_execution,
    find_pipeline,
    find_stage,
    operation,
    page,
)
from modelyard.local.codepipeline.errors import (
    DuplicatedStopRequestException,
    NotLatestPipelineExecutionException,
    PipelineExecutionNotStoppableException,
    StageNotRetryableException,
    ValidationException,
)
from modelyard.local.sagemaker.context import Context, Record

__all__ = ["latest_in_stage"]

_VERSION = "S3_OBJECT_VERSION_ID"


@operation("StartPipelineExecution")
def start_pipeline_execution(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    pipeline, token = find_pipeline(context, request["name"]), request.get("clientRequestToken")
    for execution in executions_of(context, request["name"]):
        if token is not None and execution["_token"] == token:
            return execution
    given = {item["name"]: item["value"] for item in request.get("variables", [])}
    _check_variables(pipeline["_declaration"], given)
    revisions = _revisions(pipeline["_declaration"], request.get("sourceRevisions", []))
    trigger = {
        "triggerType": "StartPipelineExecution",
        "triggerDetail": f"arn:aws:iam::{context.account}:root",
    }
    engine = context.component("codepipeline")
    started: Record = engine.start(context, pipeline, trigger, given, revisions, token)
    return started


def _check_variables(declaration: Record, given: dict[str, str]) -> None:
    declared = {item["name"]: item for item in declaration.get("variables", [])}
    unknown = sorted(set(given) - set(declared))
    if unknown:
        known = ", ".join(declared) or "none"
        raise ValidationException(f"The pipeline has no variable '{unknown[0]}'; it has: {known}")
    missing = [name for name, item in declared.items() if "defaultValue" not in item and name not in given]
    if missing:
        raise ValidationException(f"The variable '{missing[0]}' has no default value, so a value must be given")


def _revisions(declaration: Record, given: list[Record]) -> dict[str, str]:
    sources = [action["name"] for action in declaration["stages"][0]["actions"]]
    for item in given:
        if item["actionName"] not in sources:
            raise ValidationException(
                f"sourceRevisions: '{item['actionName']}' is no source action; write one of {', '.join(sources)}"
            )
        if item["revisionType"] != _VERSION:
            raise ValidationException(
                f"sourceRevisions: the revisionType '{item['revisionType']}' is not supported by the local AWS; "
                f"supported: {_VERSION}"
            )
    return {item["actionName"]: item["revisionValue"] for item in given}


@operation("StopPipelineExecution")
def stop_pipeline_execution(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    execution = find_execution(context, request["pipelineName"], request["pipelineExecutionId"])
    abandon = request.get("abandon", False)
    if execution["status"] not in RUNNING:
        raise PipelineExecutionNotStoppableException(
            f"The execution {execution['pipelineExecutionId']} is {execution['status']} and cannot be stopped"
        )
    if execution["status"] == "Stopping" and not abandon:
        raise DuplicatedStopRequestException(
            f"The execution {execution['pipelineExecutionId']} is being stopped already; to wait no longer, abandon"
        )
    context.component("codepipeline").stop(context, execution, abandon, request.get("reason"))
    return execution


@operation("RetryStageExecution")
def retry_stage_execution(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    execution = find_execution(context, request["pipelineName"], request["pipelineExecutionId"])
    stage = find_stage(execution["_declaration"], request["stageName"])
    state = execution["_stages"].get(stage["name"], {})
    if state.get("status") not in ("Failed", "Stopped") or execution["status"] not in ("Failed", "Stopped"):
        raise StageNotRetryableException(
            f"The stage '{stage['name']}' has not failed in the execution {execution['pipelineExecutionId']}"
        )
    if latest_in_stage(context, request["pipelineName"], stage["name"]) is not execution:
        raise NotLatestPipelineExecutionException(
            f"A later execution than {execution['pipelineExecutionId']} has been in the stage '{stage['name']}'"
        )
    engine = context.component("codepipeline")
    engine.retry(context, execution, stage, request["retryMode"] == "ALL_ACTIONS")
    return execution


def latest_in_stage(context: Context, pipeline: str, stage: str) -> Record | None:
    """The execution that entered a stage last."""
    been = [execution for execution in executions_of(context, pipeline) if stage in execution["_stages"]]
    return max(been, key=lambda execution: int(execution["_stages"][stage]["entry"]), default=None)


@operation("GetPipelineExecution")
def get_pipeline_execution(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return {"pipelineExecution": find_execution(context, request["pipelineName"], request["pipelineExecutionId"])}


@operation("ListPipelineExecutions")
def list_pipeline_executions(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    find_pipeline(context, request["pipelineName"])
    found = list(executions_of(context, request["pipelineName"]))[::-1]
    stage = request.get("filter", {}).get("succeededInStage", {}).get("stageName")
    if stage is not None:
        found = [e for e in found if e["_stages"].get(stage, {}).get("status") == "Succeeded"]
    return page(request, found, "pipelineExecutionSummaries")


@operation("ListActionExecutions")
def list_action_executions(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    wanted = request.get("filter", {})
    latest = wanted.get("latestInPipelineExecution")
    id = wanted.get("pipelineExecutionId") or (latest or {}).get("pipelineExecutionId")
    find_pipeline(context, request["pipelineName"])
    if id is not None:
        find_execution(context, request["pipelineName"], id)
    ids = {execution["pipelineExecutionId"] for execution in executions_of(context, request["pipelineName"])}
    found = [
        record
        for record in reversed(list(actions(context).values()))
        if record["pipelineExecutionId"] == id or (id is None and record["pipelineExecutionId"] in ids)
    ]
    if latest is not None and latest["startTimeRange"] == "Latest":
        # The newest come first, so the first run of each action is its last.
        newest: dict[tuple[str, str], Record] = {}
        for record in found:
            newest.setdefault((record["stageName"], record["actionName"]), record)
        found = list(newest.values())
    return page(request, found, "actionExecutionDetails")
