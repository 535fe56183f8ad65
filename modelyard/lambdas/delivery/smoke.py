"""The smoke test of a project's endpoint: it serves the reviewed version, and that answers as it did when evaluated.

Needs `sagemaker:ListModelPackages`, `sagemaker:DescribeModelPackage`, `sagemaker:DescribeEndpoint`,
`sagemaker:DescribeEndpointConfig`, `sagemaker:DescribeModel`, `sagemaker:InvokeEndpoint`, `s3:GetObject` and
`s3:ListBucket` where the evaluations are, and `kms:Decrypt`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from .access import StageAccess
from .copying import split
from .examples import FILE, MAX_BYTES, Example, ExamplesError, parse
from .job import JobFailed, Waiting
from .projects import Project
from .promotion import evaluation_folder
from .versions import APPROVED, BROKEN, MOVING, PENDING, Endpoint, endpoint_of, newest, number, versions

__all__ = ["smoke_test"]

SETTLE = timedelta(seconds=60)
"""How long an endpoint may serve another version, after it was last changed, before that is a rollout that failed."""
PATIENCE = timedelta(minutes=30)
"""How long after its approval a version may take to begin to come: an event that was lost is made good by then."""
_SHOWN = 300  # characters of an answer


def smoke_test(stage: StageAccess, project: Project, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> str:
    """Test what the project's endpoint serves, once it is the newest version that was not rejected; what was found.

    An approved version that was taken into service after the newest one was approved is tested in its place: somebody
    has gone back to it.

    Raises:
        Waiting: the version awaits its approval, or is on its way into service.
        JobFailed: it did not come to serve, has no examples, or answers otherwise than recorded.
    """
    sagemaker = stage.client("sagemaker")
    if not project.endpoint:
        return f"{project.name}: no endpoint"
    version = newest(sagemaker, project.group)
    if version is None:
        return f"{project.name}: no version is registered in {stage.name}"
    arn, status = version["ModelPackageArn"], version["ModelApprovalStatus"]
    if status == PENDING:
        raise Waiting(
            f"version {number(arn)} of {project.name} awaits approval in {stage.name}: "
            f"modelyard approve {project.name} {number(arn)} --stage {stage.name}"
        )
    endpoint = endpoint_of(sagemaker, project.endpoint)
    if status == APPROVED:
        package = sagemaker.describe_model_package(ModelPackageName=arn)
        if endpoint and _preferred(sagemaker, project, package, endpoint, now()):
            serving = number(endpoint.version)
            told = f"{project.name}: version {serving} came to serve after version {number(arn)} was approved"
            package = sagemaker.describe_model_package(ModelPackageName=endpoint.version)
            return f"{told}; {_tested(stage, project, package)}"
        _require_serving(stage, project, package, endpoint, now())
        return _tested(stage, project, package)
    told = f"{project.name}: version {number(arn)} is {status}"
    if endpoint is None or endpoint.status in BROKEN or not endpoint.version:
        return f"{told}; no registered version serves"
    if endpoint.status in MOVING:
        raise Waiting(f"{told}; endpoint {project.endpoint} is {endpoint.status}")
    return f"{told}; {_tested(stage, project, sagemaker.describe_model_package(ModelPackageName=endpoint.version))}"


def _preferred(sagemaker: Any, project: Project, package: dict[str, Any], endpoint: Endpoint, now: datetime) -> bool:
    """Whether another approved version serves because somebody wanted it, and not since the rollout failed."""
    if endpoint.status != "InService" or endpoint.version == package["ModelPackageArn"] or _reason(endpoint):
        return False
    if not _settled_since(_approved(package), endpoint, now):
        return False
    group = versions(sagemaker, project.group)
    approved = [item["ModelPackageArn"] for item in group if item["ModelApprovalStatus"] == APPROVED]
    return endpoint.version in approved


def _approved(package: dict[str, Any]) -> datetime:
    """When the version was approved."""
    approved: datetime = package.get("LastModifiedTime") or package["CreationTime"]
    return approved


def _settled_since(moment: datetime, endpoint: Endpoint, now: datetime) -> bool:
    """Whether the endpoint was changed after a moment, and for long enough not any more."""
    changed: datetime = endpoint.described["LastModifiedTime"]
    return changed > moment and now - changed > SETTLE


def _require_serving(
    stage: StageAccess, project: Project, package: dict[str, Any], endpoint: Endpoint | None, now: datetime
) -> None:
    """Go on only where the endpoint is in service with exactly that version."""
    wanted = package["ModelPackageArn"]
    coming = f"version {number(wanted)} of {project.name} is to serve in {stage.name}"
    look = f"look: modelyard history {project.name} --stage {stage.name}"
    approved = _approved(package)
    if endpoint and endpoint.status == "InService" and endpoint.version == wanted:
        return
    if endpoint and endpoint.status in MOVING:
        raise Waiting(f"{coming}: endpoint {project.endpoint} is {endpoint.status}")
    if endpoint and endpoint.status in BROKEN:
        raise JobFailed(f"{coming}, but endpoint {project.endpoint} is {endpoint.status}{_reason(endpoint)}; {look}")
    other = f"version {number(endpoint.version) or '(unknown)'} serves" if endpoint else "there is no endpoint"
    if endpoint and _settled_since(approved, endpoint, now):
        raise JobFailed(f"{coming}, but the rollout did not bring it: {other}{_reason(endpoint)}; {look}")
    if now - approved > PATIENCE:
        minutes = int(PATIENCE.total_seconds() // 60)
        raise JobFailed(f"{coming}, but {minutes} minutes after its approval {other}; {look}")
    raise Waiting(f"{coming}: {other} until its rollout begins")


def _reason(endpoint: Endpoint) -> str:
    reason = endpoint.described.get("FailureReason")
    return f" ({reason})" if reason else ""


def _tested(stage: StageAccess, project: Project, package: dict[str, Any]) -> str:
    arn = package["ModelPackageArn"]
    examples = _examples(stage, project, package)
    for example in examples:
        received = _answer(stage, project, example)
        if received is None or not example.tolerance.allows(example.answer, received, example.accept):
            told = "an answer that is no text" if received is None else _shown(received)
            raise JobFailed(
                f"endpoint {project.endpoint}, version {number(arn)}, example {example.name!r}: expected "
                f"{_shown(example.answer)}, received {told}, tolerance: {example.tolerance}"
            )
    return f"{project.name}: version {number(arn)} answers {len(examples)} examples as recorded"


def _examples(stage: StageAccess, project: Project, package: dict[str, Any]) -> tuple[Example, ...]:
    what = f"version {number(package['ModelPackageArn'])} of {project.name}"
    remedy = f"let the pipeline's evaluation write {FILE} (docs/pipelines.md), train, and promote the new version"
    folder = evaluation_folder(package)
    if not folder:
        raise JobFailed(f"{what} names no evaluation, so that it has no recorded examples: {remedy}")
    bucket, prefix = split(folder)
    try:
        answer = stage.client("s3").get_object(Bucket=bucket, Key=f"{prefix}{FILE}")
        # One byte too many tells that it is too large.
        return parse(answer["Body"].read(MAX_BYTES + 1))
    except ExamplesError as error:
        raise JobFailed(f"{what}: {folder}{FILE}: {error}; {remedy}") from error
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        raise JobFailed(f"{what} has no recorded examples, {folder}{FILE} is missing: {remedy}") from error


def _answer(stage: StageAccess, project: Project, example: Example) -> str | None:
    """What the endpoint answers, None where that is no text.

    Raises:
        JobFailed: it refuses the example, or fails over it.
    """
    try:
        answer = stage.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=project.endpoint,
            ContentType=example.content_type,
            Accept=example.accept,
            Body=example.body,
        )
        text: str = answer["Body"].read().decode()
    except UnicodeDecodeError:
        return None
    except ClientError as error:
        told = error.response["Error"]
        raise JobFailed(
            f"endpoint {project.endpoint}, example {example.name!r}: expected {_shown(example.answer)}, received "
            f"{told['Code']}: {told['Message'][:_SHOWN]}"
        ) from error
    return text


def _shown(text: str) -> str:
    return json.dumps(text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …", ensure_ascii=False)
