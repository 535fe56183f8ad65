"""The events by which builds tell how they fare."""

from __future__ import annotations

import json
import time

from modelyard.local.codebuild.builds import IN_PROGRESS
from modelyard.local.sagemaker.context import Context, Record

__all__ = ["emit_state", "interrupted"]


def emit_state(context: Context, record: Record) -> None:
    """Emit the state change event of a build, see
    https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-notifications.html.
    """
    started = time.strftime("%b %d, %Y %I:%M:%S %p", time.gmtime(record["startTime"]))
    information = {
        "artifact": record["artifacts"],
        "environment": record["environment"],
        "timeout-in-minutes": record["timeoutInMinutes"],
        "build-complete": record["buildComplete"],
        "build-number": record["buildNumber"],
        "initiator": record["initiator"],
        "build-start-time": started,
        "source": record["source"],
        "logs": {"group-name": record["logs"]["groupName"], "stream-name": record["logs"]["streamName"]},
        "phases": [{"phase-type": phase["phaseType"]} for phase in record["phases"]],
    }
    detail = {
        "build-status": record["buildStatus"],
        "project-name": record["projectName"],
        "build-id": record["arn"],
        "additional-information": information,
        "current-phase": record["currentPhase"],
        "version": "1",
    }
    entry = {
        "Source": "aws.codebuild",
        "DetailType": "CodeBuild Build State Change",
        "Detail": json.dumps(detail),
        "Resources": [record["arn"]],
    }
    context.service.enqueue_event(context.account, context.region, entry)


def interrupted(context: Context, record: Record) -> None:
    """Mark a build whose processes are gone."""
    if record["buildStatus"] == IN_PROGRESS:
        now = context.now()
        failure = {"statusCode": "INTERNAL_ERROR", "message": "the build was interrupted because the local AWS ended"}
        record["phases"].append(
            {"phaseType": "FINALIZING", "phaseStatus": "FAULT", "startTime": now, "endTime": now, "contexts": [failure]}
        )
        record.update(buildStatus="FAULT", currentPhase="COMPLETED", buildComplete=True, endTime=now)
        emit_state(context, record)
