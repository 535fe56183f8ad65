"""The results of manual approvals, see
https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PutApprovalResult.html.
"""

from __future__ import annotations

from typing import Any

from modelyard.local.codepipeline.action import Outcome
from modelyard.local.codepipeline.api import IN_PROGRESS, executions, find_pipeline, find_stage, operation
from modelyard.local.codepipeline.errors import (
    ActionNotFoundException,
    ApprovalAlreadyCompletedException,
    InvalidApprovalTokenException,
)
from modelyard.local.codepipeline.state import latest_of_action
from modelyard.local.sagemaker.context import Context

__all__: list[str] = []


@operation("PutApprovalResult")
def put_approval_result(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    pipeline, stage, action = request["pipelineName"], request["stageName"], request["actionName"]
    declared = find_stage(find_pipeline(context, pipeline)["_declaration"], stage)
    if action not in [item["name"] for item in declared["actions"]]:
        raise ActionNotFoundException(f"The stage '{stage}' has no action with name '{action}'")
    record = latest_of_action(context, pipeline, stage, action)
    if record is None or record.get("_token") != request["token"]:
        raise InvalidApprovalTokenException(
            f"The token is not that of the approval that waits in the action '{action}'; GetPipelineState tells it"
        )
    if record["status"] != IN_PROGRESS:
        raise ApprovalAlreadyCompletedException(f"The approval action '{action}' is {record['status']} already")
    engine, execution = context.component("codepipeline"), executions(context)[record["pipelineExecutionId"]]
    summary = request["result"]["summary"]
    if request["result"]["status"] == "Approved":
        engine.succeed(context, execution, record, Outcome(summary=summary))
    else:
        message = summary or "The approval was rejected"
        record["output"]["executionResult"]["externalExecutionSummary"] = message
        engine.fail(context, execution, record, "JobFailed", message)
    return {"approvedAt": context.now()}
