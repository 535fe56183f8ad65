"""What functions say of their jobs, see
https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_PutJobSuccessResult.html.
"""

from __future__ import annotations

from typing import Any

from modelyard.local.codepipeline.action import Action
from modelyard.local.codepipeline.actions.lambda_function import DISPATCHED, job_context, job_data
from modelyard.local.codepipeline.api import IN_PROGRESS, actions, executions, jobs, operation
from modelyard.local.codepipeline.errors import (
    InvalidJobStateException,
    JobNotFoundException,
    OutputVariablesSizeExceededException,
)
from modelyard.local.sagemaker.context import Context, Record

__all__: list[str] = []

_MOST_VARIABLES_BYTES = 122_880


@operation("GetJobDetails")
def get_job_details(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    job = _find(context, request["jobId"])
    record = actions(context)[job["_action"]]
    execution = executions(context)[record["pipelineExecutionId"]]
    stage = next(s for s in execution["_declaration"]["stages"] if s["name"] == record["stageName"])
    declaration = next(a for a in stage["actions"] if a["name"] == record["actionName"])
    action = Action(context, execution, declaration, record)
    action.configuration = record["input"]["resolvedConfiguration"]
    data = {
        **job_data(action, job["_continuation"]),
        "actionTypeId": declaration["actionTypeId"],
        "pipelineContext": job_context(action),
    }
    return {"jobDetails": {"id": job["id"], "accountId": context.account, "data": data}}


@operation("PutJobSuccessResult")
def put_job_success_result(context: Context, request: dict[str, Any]) -> None:
    job = _open(context, request["jobId"])
    variables = request.get("outputVariables", {})
    size = sum(len(name.encode()) + len(value.encode()) for name, value in variables.items())
    if size > _MOST_VARIABLES_BYTES:
        raise OutputVariablesSizeExceededException(
            f"The output variables have {size} bytes; {_MOST_VARIABLES_BYTES} is the most"
        )
    job.update(status="Succeeded", _answer=request)


@operation("PutJobFailureResult")
def put_job_failure_result(context: Context, request: dict[str, Any]) -> None:
    _open(context, request["jobId"]).update(status="Failed", _answer=request["failureDetails"])


def _open(context: Context, id: str) -> Record:
    job = _find(context, id)
    if job["status"] != DISPATCHED or actions(context)[job["_action"]]["status"] != IN_PROGRESS:
        raise InvalidJobStateException(f"The job {id} is over")
    return job


def _find(context: Context, id: str) -> Record:
    job = jobs(context).get(id)
    if job is None:
        raise JobNotFoundException(f"There is no job with id '{id}'")
    return job
