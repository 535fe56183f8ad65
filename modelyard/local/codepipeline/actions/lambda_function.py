"""Actions that invoke a Lambda function, see
https://docs.aws.amazon.com/codepipeline/latest/userguide/actions-invoke-lambda-function.html.

A function answers by PutJobSuccessResult or PutJobFailureResult. After a success with a continuation token it is
invoked again. One that does not answer within 20 minutes of AWS's time has failed, as has one that is not done after
24 hours.
"""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from modelyard.local.codepipeline.action import Action, ActionFailed, ActionType, Outcome
from modelyard.local.codepipeline.api import arn_of, jobs
from modelyard.local.codepipeline.roles import SESSION
from modelyard.local.pace import real_seconds
from modelyard.local.sagemaker.context import Record

__all__ = ["DISPATCHED", "LAMBDA", "job_context", "job_data"]

DISPATCHED = "Dispatched"
"""The status of a job whose function has not answered."""

_ANSWER_MINUTES = 20
_TOTAL_MINUTES = 24 * 60
_PAUSE_SECONDS = 1.0
_LOOK_SECONDS = 0.1


def run(action: Action) -> Outcome:
    deadline = time.monotonic() + real_seconds(60 * _TOTAL_MINUTES)
    variables: dict[str, str] = {}
    token: str | None = None
    while True:
        job = _invoke(action, token)
        _await_answer(action, job, deadline)
        answer = job["_answer"]
        if job["status"] == "Failed":
            raise ActionFailed(answer["type"], answer["message"])
        details = answer.get("executionDetails", {})
        action.report(
            externalExecutionId=details.get("externalExecutionId"),
            externalExecutionSummary=details.get("summary"),
            percentComplete=details.get("percentComplete"),
        )
        variables.update(answer.get("outputVariables", {}))
        token = answer.get("continuationToken")
        if token is None:
            return Outcome(variables=variables)
        action.pause(_PAUSE_SECONDS)


def _invoke(action: Action, token: str | None) -> Record:
    job: Record = {
        "id": str(uuid.uuid4()),
        "status": DISPATCHED,
        "_action": action.record["actionExecutionId"],
        "_continuation": token,
    }
    with action.context.service.lock:
        jobs(action.context)[job["id"]] = job
        data = job_data(action, token)
    # What only GetJobDetails tells is not in the event.
    event = {"id": job["id"], "accountId": action.context.account, "data": data}
    function = action.configuration["FunctionName"]
    action.client("lambda").invoke(
        FunctionName=function, InvocationType="Event", Payload=json.dumps({"CodePipeline.job": event}).encode()
    )
    return job


def _await_answer(action: Action, job: Record, deadline: float) -> None:
    silent = time.monotonic() + real_seconds(60 * _ANSWER_MINUTES)
    while job["status"] == DISPATCHED:
        now, function = time.monotonic(), action.configuration["FunctionName"]
        if now > min(deadline, silent):
            minutes = _TOTAL_MINUTES if now > deadline else _ANSWER_MINUTES
            with action.context.service.lock:
                job["status"] = "TimedOut"
            raise ActionFailed(
                "JobTimedOut",
                f"The function {function} did not end the job {job['id']} within {minutes} minutes: it must call "
                "PutJobSuccessResult or PutJobFailureResult; its log says whether it raised an error",
            )
        action.pause(_LOOK_SECONDS)


def job_data(action: Action, token: str | None) -> dict[str, Any]:
    """The data of a job as the function gets it."""
    keys = action.context.service.emulator.session_credentials(action.role, SESSION)
    data: dict[str, Any] = {
        "actionConfiguration": {"configuration": dict(action.configuration)},
        "inputArtifacts": [_artifact(item, _revision(action, item["name"])) for item in action.inputs],
        "outputArtifacts": [_artifact(item, None) for item in action.outputs],
        "artifactCredentials": {
            "accessKeyId": keys["AWS_ACCESS_KEY_ID"],
            "secretAccessKey": keys["AWS_SECRET_ACCESS_KEY"],
            "sessionToken": keys["AWS_SESSION_TOKEN"],
        },
    }
    if token is not None:
        data["continuationToken"] = token
    if action.store.get("encryptionKey"):
        data["encryptionKey"] = action.store["encryptionKey"]
    return data


def job_context(action: Action) -> dict[str, Any]:
    """Which run of which action a job belongs to."""
    pipeline = action.execution["pipelineName"]
    return {
        "pipelineName": pipeline,
        "pipelineArn": arn_of(action.context, pipeline),
        "pipelineExecutionId": action.execution["pipelineExecutionId"],
        "stage": {"name": action.record["stageName"]},
        "action": {
            "name": action.record["actionName"],
            "actionExecutionId": action.record["actionExecutionId"],
        },
    }


def _revision(action: Action, artifact: str) -> str | None:
    revision = action.execution["_artifacts"][artifact].get("revision") or {}
    return revision.get("revisionId")


def _artifact(item: Record, revision: str | None) -> dict[str, Any]:
    place = item["s3location"]
    return {
        "name": item["name"],
        "revision": revision,
        "location": {"type": "S3", "s3Location": {"bucketName": place["bucket"], "objectKey": place["key"]}},
    }


LAMBDA = ActionType(
    categories=("Invoke",),
    provider="Lambda",
    keys={"FunctionName": (), "UserParameters": ()},
    required=("FunctionName",),
    inputs=(0, 5),
    outputs=(0, 5),
    run=run,
)
