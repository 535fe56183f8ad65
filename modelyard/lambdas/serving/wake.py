"""wake: which endpoints does an event concern? Record what it says of an approval, and send one message to each."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from .declaration import DeclarationError, parse, texts
from .instants import instant, whole_second
from .ledger import PENDING, Approval
from .places import Place
from .runtime import Runtime, from_environment, log

OWN_SOURCE = "modelyard"
HEARTBEAT = "Scheduled Event"
DECLARED = "Endpoint Declared"
PACKAGE_EVENT = "SageMaker Model Package State Change"
ENDPOINT_EVENTS = {"SageMaker Endpoint State Change", "SageMaker Endpoint Deployment State Change"}
_DEDUPLICATION_LIMIT = 128  # characters that SQS takes


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Lambda's entry: an EventBridge event, the heartbeat, or `{"source": "modelyard", "endpoint_name": …}`."""
    return handle(event, from_environment())


def handle(event: dict[str, Any], runtime: Runtime) -> dict[str, Any]:
    """Wake the endpoints that `event` concerns and return their names.

    An endpoint that cannot be woken does not keep others from it; the error is raised in the end, so that Lambda
    delivers the event again, which changes nothing for the rest.
    """
    event = {**event, "id": event.get("id") or str(uuid.uuid4()), "time": event.get("time") or runtime.now()}
    woken: list[str] = []
    failures: list[Exception] = []
    for place in _concerned(event, runtime):
        name = place.endpoint_name
        try:
            if event.get("detail-type") == HEARTBEAT:
                runtime.places.restore(place)
            _record(event, name, runtime)
            send(runtime, name, place.parameter_name, cause(event))
            woken.append(name)
            _log(event, name)
        except Exception as error:
            log("not woken", endpoint=name, error=repr(error))
            failures.append(error)
    if failures:
        raise failures[0]
    return {"endpoints": woken}


def _log(event: dict[str, Any], endpoint_name: str) -> None:
    told = approval_in(event)
    version = told.version if told else None
    why = told.status if told else event.get("detail-type", "")
    log("woken", endpoint=endpoint_name, version=version, attempt=None, step="wake", why=why, event_id=event["id"])


def cause(event: dict[str, Any]) -> dict[str, str]:
    """What the ledger keeps of an event."""
    return {
        "event_id": str(event["id"]),
        "detail_type": str(event.get("detail-type", "")),
        "time": instant(event["time"]),
        "source": str(event.get("source", "")),
    }


def send(runtime: Runtime, endpoint_name: str, parameter_name: str, why: dict[str, str]) -> None:
    """Queue one reconciliation of an endpoint.

    The deduplication id is of the event, never of the content: SQS swallows equal ids for five minutes, and two
    approvals of one version can be five seconds apart.
    """
    body = {"endpoint_name": endpoint_name, "parameter_name": parameter_name, "cause": why}
    runtime.client("sqs").send_message(
        QueueUrl=runtime.queue_url,
        MessageBody=json.dumps(body),
        MessageGroupId=endpoint_name,
        MessageDeduplicationId=_deduplication_id(f"{why['event_id']}-{endpoint_name}"),
    )


def approval_in(event: dict[str, Any]) -> Approval | None:
    """The approval status that a package event tells, or None if it tells none.

    It does when the approval status is among the updated fields, or when nothing was updated because the package is
    new (https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html). A new package
    may send several events while it is registered; they all mean its creation.
    """
    if event.get("detail-type") != PACKAGE_EVENT:
        return None
    detail = event.get("detail", {})
    updated = detail.get("UpdatedModelPackageFields") or []
    status = detail.get("ModelApprovalStatus")
    if not status or "CreationTime" not in detail or (updated and "ModelApprovalStatus" not in updated):
        return None
    if not updated and status == PENDING:
        return None
    return Approval(
        package_arn=detail["ModelPackageArn"],
        created=whole_second(detail["CreationTime"]),
        version=int(detail["ModelPackageVersion"]),
        status=status,
        at=instant(event["time"] if updated else detail["CreationTime"]),
        source="event",
        event_id=str(event["id"]),
    )


def _concerned(event: dict[str, Any], runtime: Runtime) -> list[Place]:
    """The places of the endpoints that `event` concerns."""
    kind, detail = event.get("detail-type", ""), event.get("detail") or {}
    if event.get("source") == OWN_SOURCE:
        return _found(runtime.places.of_endpoint, event.get("endpoint_name"))
    if kind == PACKAGE_EVENT:
        return _found(runtime.places.of_group, detail.get("ModelPackageGroupName"))
    if kind in ENDPOINT_EVENTS:
        return _found(runtime.places.of_endpoint, detail.get("EndpointName"))
    return list(_declared(runtime)) if kind == HEARTBEAT else []


def _found(look_up: Callable[[str], list[Place]], name: str | None) -> list[Place]:
    return look_up(name) if name else []


def _declared(runtime: Runtime) -> Iterator[Place]:
    for parameter_name, text in texts(runtime.client("ssm"), runtime.declarations_path):
        try:
            declaration = parse(text, parameter_name)
        except DeclarationError as error:
            log("declaration ignored", parameter=parameter_name, error=str(error))
            continue
        yield Place(declaration.endpoint_name, declaration.model_package_group_name, parameter_name)


def _record(event: dict[str, Any], endpoint_name: str, runtime: Runtime) -> None:
    approval = approval_in(event)
    if approval:
        runtime.ledger.add_approval(endpoint_name, approval)


def _deduplication_id(text: str) -> str:
    if len(text) <= _DEDUPLICATION_LIMIT and re.fullmatch(r"[\w.:/@-]+", text, re.ASCII):
        return text
    return hashlib.sha256(text.encode()).hexdigest()
