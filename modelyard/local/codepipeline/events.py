"""The events of pipelines, stages and actions, see
https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html.
"""

from __future__ import annotations

import json
import time
from typing import Any

from modelyard.local.codepipeline.api import arn_of
from modelyard.local.sagemaker.context import Context, Record

__all__ = ["emit_action", "emit_pipeline", "emit_stage"]

_ACTION_STATES = {"InProgress": "STARTED", "Abandoned": "ABANDONED"}


def emit_pipeline(context: Context, execution: Record, state: str) -> None:
    """Tell that an execution is now in ``state`` (``STARTED``)."""
    trigger = execution["trigger"]
    detail = {
        "execution-trigger": {
            "trigger-type": trigger["triggerType"],
            "trigger-detail": trigger.get("triggerDetail", ""),
        },
        "state": state,
    }
    _emit(context, "Pipeline", execution, detail)


def emit_stage(context: Context, execution: Record, stage: str, state: str) -> None:
    """Tell that a stage of an execution is now in ``state``."""
    _emit(context, "Stage", execution, {"stage": stage, "state": state})


def emit_action(context: Context, execution: Record, action: Record) -> None:
    """Tell the status that an action has now."""
    type_ = action["input"]["actionTypeId"]
    result = action["output"]["executionResult"]
    detail: dict[str, Any] = {
        "stage": action["stageName"],
        "action": action["actionName"],
        "action-execution-id": action["actionExecutionId"],
        "state": _ACTION_STATES.get(action["status"], action["status"].upper()),
        "region": action["input"]["region"],
        "type": {name: type_[name] for name in ("owner", "provider", "category", "version")},
        "input-artifacts": action["input"]["inputArtifacts"],
    }
    if action["status"] != "InProgress":
        detail["output-artifacts"] = action["output"]["outputArtifacts"]
        told = {
            "external-execution-url": result.get("externalExecutionUrl"),
            "external-execution-summary": result.get("errorDetails", {}).get("message")
            or result.get("externalExecutionSummary"),
            "external-execution-id": result.get("externalExecutionId"),
            "error-code": result.get("errorDetails", {}).get("code"),
        }
        detail["execution-result"] = {name: value for name, value in told.items() if value}
    _emit(context, "Action", execution, detail)


def _emit(context: Context, what: str, execution: Record, detail: dict[str, Any]) -> None:
    seconds = execution["startTime"]
    started = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{int(seconds * 1000) % 1000:03d}Z"
    common = {
        "pipeline": execution["pipelineName"],
        "execution-id": execution["pipelineExecutionId"],
        "start-time": started,
        "version": float(execution["pipelineVersion"]),
        "pipeline-execution-attempt": float(execution["_attempt"]),
    }
    entry = {
        "Source": "aws.codepipeline",
        "DetailType": f"CodePipeline {what} Execution State Change",
        "Detail": json.dumps({**common, **detail}),
        "Resources": [arn_of(context, execution["pipelineName"])],
    }
    context.service.enqueue_event(context.account, context.region, entry)
