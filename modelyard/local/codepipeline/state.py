"""What a pipeline is doing, and the transitions between its stages. See
https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_GetPipelineState.html.
"""

from __future__ import annotations

from typing import Any

from modelyard.local.codepipeline.api import (
    IN_PROGRESS,
    actions,
    executions_of,
    find_pipeline,
    find_stage,
    operation,
)
from modelyard.local.codepipeline.errors import ValidationException
from modelyard.local.codepipeline.executions import latest_in_stage
from modelyard.local.sagemaker.context import Context, Record

__all__ = ["latest_of_action"]

_MOST_URL = 2048


@operation("GetPipelineState")
def get_pipeline_state(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    pipeline = find_pipeline(context, request["name"])
    declaration = pipeline["_declaration"]
    return {
        "pipelineName": declaration["name"],
        "pipelineVersion": declaration["version"],
        "created": pipeline["created"],
        "updated": pipeline["updated"],
        "stageStates": [
            _stage_state(context, pipeline, index, stage) for index, stage in enumerate(declaration["stages"])
        ],
    }


def _stage_state(context: Context, pipeline: Record, index: int, stage: Record) -> Record:
    name = pipeline["_declaration"]["name"]
    state: Record = {
        "stageName": stage["name"],
        "actionStates": [_action_state(context, name, stage["name"], action) for action in stage["actions"]],
    }
    if index:
        state["inboundTransitionState"] = pipeline["_transitions"].get(stage["name"], {"enabled": True})
    waiting = [_shown(execution, execution["status"]) for execution in _waiting(context, name, stage["name"])]
    if waiting:
        state.update(inboundExecution=waiting[0], inboundExecutions=waiting)
    latest = latest_in_stage(context, name, stage["name"])
    if latest is not None:
        state["latestExecution"] = _shown(latest, latest["_stages"][stage["name"]]["status"])
    return state


def _waiting(context: Context, pipeline: str, stage: str) -> list[Record]:
    return [
        execution
        for execution in executions_of(context, pipeline)
        if execution["status"] == IN_PROGRESS
        and not execution["_inside"]
        and execution["_declaration"]["stages"][execution["_at"]]["name"] == stage
    ]


def _shown(execution: Record, status: str) -> Record:
    return {"pipelineExecutionId": execution["pipelineExecutionId"], "status": status, "type": "STANDARD"}


def _action_state(context: Context, pipeline: str, stage: str, action: Record) -> Record:
    state: Record = {"actionName": action["name"]}
    record = latest_of_action(context, pipeline, stage, action["name"])
    if record is None:
        return state
    result = record["output"]["executionResult"]
    latest: Record = {
        "actionExecutionId": record["actionExecutionId"],
        "status": record["status"],
        "lastStatusChange": record["lastUpdateTime"],
        "summary": result.get("externalExecutionSummary"),
        **{name: result.get(name) for name in ("externalExecutionId", "externalExecutionUrl", "errorDetails")},
        "percentComplete": result.get("percentComplete"),
    }
    if record["status"] == IN_PROGRESS and "_token" in record:
        latest["token"] = record["_token"]
    state["latestExecution"] = latest
    link = record["input"].get("resolvedConfiguration", {}).get("ExternalEntityLink")
    # A variable may have made it longer than this answer may tell; the message to the approver has it all.
    if link and len(link) <= _MOST_URL:
        state["entityUrl"] = link
    execution = next(
        e for e in executions_of(context, pipeline) if e["pipelineExecutionId"] == record["pipelineExecutionId"]
    )
    for revision in execution["sourceRevisions"]:
        if revision["actionName"] == action["name"]:
            state["currentRevision"] = {
                "revisionId": revision["revisionId"],
                "revisionChangeId": revision["revisionId"][:100],
                "created": record["lastUpdateTime"],
            }
            state["revisionUrl"] = revision["revisionUrl"]
    return state


def latest_of_action(context: Context, pipeline: str, stage: str, action: str) -> Record | None:
    """The last run of an action, in whatever execution."""
    ids = {execution["pipelineExecutionId"] for execution in executions_of(context, pipeline)}
    for record in reversed(list(actions(context).values())):
        if record["pipelineExecutionId"] in ids and (record["stageName"], record["actionName"]) == (stage, action):
            return record
    return None


@operation("EnableStageTransition")
def enable_stage_transition(context: Context, request: dict[str, Any]) -> None:
    pipeline = find_pipeline(context, request["pipelineName"])
    stage = _entered(pipeline["_declaration"], request)
    pipeline["_transitions"][stage] = {"enabled": True, "lastChangedAt": context.now()}
    context.component("codepipeline").advance(context, request["pipelineName"])


@operation("DisableStageTransition")
def disable_stage_transition(context: Context, request: dict[str, Any]) -> None:
    pipeline = find_pipeline(context, request["pipelineName"])
    stage = _entered(pipeline["_declaration"], request)
    pipeline["_transitions"][stage] = {
        "enabled": False,
        "lastChangedAt": context.now(),
        "disabledReason": request["reason"],
    }
    context.snapshot()


def _entered(declaration: Record, request: dict[str, Any]) -> str:
    """The stage that a transition leads to."""
    find_stage(declaration, request["stageName"])
    names = [stage["name"] for stage in declaration["stages"]]
    index = names.index(request["stageName"]) + (request["transitionType"] == "Outbound")
    if not 0 < index < len(names):
        kind = request["transitionType"].lower()
        raise ValidationException(f"The stage '{request['stageName']}' has no {kind} transition")
    return str(names[index])
