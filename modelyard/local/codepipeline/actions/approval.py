"""Manual approvals, see
https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ApprovalAction.html.
"""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from modelyard.local.codepipeline.action import Action, ActionType, Outcome
from modelyard.local.pace import real_seconds

__all__ = ["APPROVAL"]

_DEFAULT_MINUTES = 7 * 24 * 60


def run(action: Action) -> Outcome | None:
    token = str(uuid.uuid4())
    # It is known before the message is sent, since its reader may be quicker than we are.
    with action.context.service.lock:
        minutes = action.declaration.get("timeoutInMinutes") or _DEFAULT_MINUTES
        action.record["_token"] = token
        action.record["_expires"] = action.context.now() + real_seconds(60 * minutes)
    action.context.snapshot()
    topic = action.configuration.get("NotificationArn")
    if topic:
        subject = f"APPROVAL NEEDED: AWS CodePipeline {action.execution['pipelineName']}"[:100]
        sns = action.client("sns", region=topic.split(":")[3])
        sns.publish(TopicArn=topic, Subject=subject, Message=json.dumps(_message(action, token)))
    return None


def _message(action: Action, token: str) -> dict[str, Any]:
    """See https://docs.aws.amazon.com/codepipeline/latest/userguide/approvals-json-format.html."""
    region, pipeline = action.context.region, action.execution["pipelineName"]
    stage, name = action.record["stageName"], action.record["actionName"]
    console = f"https://console.aws.amazon.com/codepipeline/home?region={region}#/view/{pipeline}"
    approval = {
        "pipelineName": pipeline,
        "stageName": stage,
        "actionName": name,
        "token": token,
        "expires": time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(action.record["_expires"])),
        "externalEntityLink": action.configuration.get("ExternalEntityLink"),
        "approvalReviewLink": f"{console}/{stage}/{name}/approve/{token}",
        "customData": action.configuration.get("CustomData"),
    }
    return {"region": region, "consoleLink": console, "approval": approval}


APPROVAL = ActionType(
    categories=("Approval",),
    provider="Manual",
    keys={"NotificationArn": (), "CustomData": (), "ExternalEntityLink": ()},
    required=(),
    inputs=(0, 0),
    outputs=(0, 0),
    run=run,
    configurable_timeout=True,
)
