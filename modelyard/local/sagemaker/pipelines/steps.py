"""How each type of step is carried out: the SageMaker operation that it stands for, and its properties afterwards."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from modelyard.local.sagemaker.context import Context
from modelyard.local.sagemaker.errors import ResourceLimitExceeded, SageMakerError
from modelyard.local.sagemaker.pipelines.definition import STEP_TYPES, Step
from modelyard.local.sagemaker.pipelines.retries import SERVICE_FAULT, job_fault
from modelyard.local.sagemaker.protocol import call

__all__ = ["ACTIONS", "Action", "Result", "StepFailed", "StepStopped", "job_name"]

_ALPHABET = string.ascii_letters + string.digits
_LONGEST_NAME = 63


class StepFailed(Exception):
    """A step that failed; ``fault`` is the exception type that a retry policy may name."""

    def __init__(self, reason: str, fault: str | None = None) -> None:
        super().__init__(reason)
        self.fault = fault


class StepStopped(Exception):
    """A step whose job was stopped."""


@dataclass(frozen=True)
class Result:
    """A step that succeeded: what it made, as ListPipelineExecutionSteps shows it, and its properties."""

    metadata: dict[str, Any]
    properties: dict[str, Any]


Started = Callable[[dict[str, Any]], None]
Action = Callable[[Context, Step, dict[str, Any], str, Started], Result]


def job_name(execution_id: str, step: Step, arguments: dict[str, Any]) -> str:
    """A new name for what ``step`` makes, as AWS writes it: ``pipelines-<execution>-<step>-<10 characters>``.

    A prefix of the step's own (``use_custom_job_prefix`` of the SDK) stands in the place of ``pipelines``.
    """
    _, member = STEP_TYPES[step.type] or ("", "")
    random = "".join(secrets.choice(_ALPHABET) for _ in range(10))
    own = arguments.get(member)
    start = f"{own}-{execution_id}" if own else f"pipelines-{execution_id}-{step.name}"
    return f"{start[: _LONGEST_NAME - 11].rstrip('-')}-{random}"


def _call(context: Context, operation: str, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return call(context, operation, request)
    except ResourceLimitExceeded as error:
        raise StepFailed(_refused(operation, error), "SageMaker.RESOURCE_LIMIT") from None
    except SageMakerError as error:
        raise StepFailed(_refused(operation, error), SERVICE_FAULT if error.status >= 500 else None) from None


def _refused(operation: str, error: SageMakerError) -> str:
    return f"ClientError: Failed to invoke sagemaker:{operation}. Error Details: {error.message}"


def _job(label: str) -> Action:
    def run(context: Context, step: Step, arguments: dict[str, Any], name: str, started: Started) -> Result:
        arn = _call(context, f"Create{label}Job", {**arguments, f"{label}JobName": name})[f"{label}JobArn"]
        metadata = {f"{label}Job": {"Arn": arn}}
        started(metadata)
        context.component("jobs").wait(arn)
        job = _call(context, f"Describe{label}Job", {f"{label}JobName": name})
        if job[f"{label}JobStatus"] == "Completed":
            return Result(metadata, job)
        if job[f"{label}JobStatus"] == "Stopped" and job.get("SecondaryStatus") != "MaxRuntimeExceeded":
            raise StepStopped
        reason = job.get("FailureReason") or f"ClientError: the job {name} ran longer than its StoppingCondition allows"
        raise StepFailed(reason, job_fault(reason))

    return run


def _model(context: Context, step: Step, arguments: dict[str, Any], name: str, started: Started) -> Result:
    arn = _call(context, "CreateModel", {**arguments, "ModelName": name})["ModelArn"]
    return Result({"Model": {"Arn": arn}}, _call(context, "DescribeModel", {"ModelName": name}))


def _register(context: Context, step: Step, arguments: dict[str, Any], name: str, started: Started) -> Result:
    group = arguments.get("ModelPackageGroupName")
    if group is not None:
        _require_group(context, group)
    arn = _call(context, "CreateModelPackage", arguments)["ModelPackageArn"]
    return Result({"RegisterModel": {"Arn": arn}}, _call(context, "DescribeModelPackage", {"ModelPackageName": arn}))


def _require_group(context: Context, name: str) -> None:
    # As on AWS, the step makes a group that does not exist.
    with context.service.lock:
        try:
            call(context, "DescribeModelPackageGroup", {"ModelPackageGroupName": name})
        except SageMakerError:
            _call(context, "CreateModelPackageGroup", {"ModelPackageGroupName": name.rpartition("/")[2]})


ACTIONS: dict[str, Action] = {
    "Processing": _job("Processing"),
    "Training": _job("Training"),
    "Model": _model,
    "RegisterModel": _register,
}
