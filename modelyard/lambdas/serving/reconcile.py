"""reconcile: read afresh what is wanted and what is, take one step, record it. One message, one endpoint."""

from __future__ import annotations

import hashlib
import json
import traceback
from typing import Any

from . import declaration, endpoints, scaling
from .actions import Case, close_attempt, record_attempt, take
from .artifacts import is_artifact_name
from .collect import collect
from .declaration import Declared
from .desired import choose
from .errors import Meaning, Transient, meaning
from .ledger import APPROVED
from .notices import notify
from .outcomes import explained
from .registry import Registry
from .runtime import Runtime, from_environment, log
from .steps import State, Step, Wish, conclude, next_step, state, unrecorded, wish
from .survey import adopt, survey
from .wake import DECLARED, HEARTBEAT

_FIRST_DELAY = 5  # seconds until a transient error's message comes again, doubled each time
_LONGEST_DELAY = 120


def handler(event: dict[str, Any], context: Any) -> None:
    """Lambda's entry: messages of the FIFO queue, one a batch."""
    handle(event, from_environment())


def handle(event: dict[str, Any], runtime: Runtime) -> None:
    """Reconcile the endpoint of each message.

    A transient error is raised, after the message's visibility was set to a growing delay, so that it comes again.
    Any other error is recorded and notified once, and the message is done with: the next wake tries again.
    """
    for record in event["Records"]:
        try:
            reconcile(json.loads(record["body"]), runtime)
        except Transient as error:
            _delay(record, runtime, error)
            raise


def reconcile(message: dict[str, Any], runtime: Runtime) -> None:
    """Take one step for the endpoint of `message`; only a Transient is raised."""
    try:
        declared = declaration.read(runtime.client("ssm"), message["parameter_name"])
        if declared is None or declared.declaration.endpoint_name != message["endpoint_name"]:
            log("not declared", endpoint=message["endpoint_name"])
            return
        _reconcile(declared, message["cause"], runtime)
    except Transient:
        raise
    except Exception as error:
        if meaning(error) is Meaning.TRANSIENT:
            raise Transient(str(error)) from error
        _poisoned(message["endpoint_name"], error, runtime)


def _reconcile(declared: Declared, cause: dict[str, str], runtime: Runtime) -> None:
    name, sagemaker = declared.declaration.endpoint_name, runtime.client("sagemaker")
    case = Case(runtime, declared, endpoints.describe(sagemaker, name), runtime.ledger.read(name), cause)
    registry = Registry(sagemaker, declared.declaration.model_package_group_name)
    thorough = cause.get("detail_type") in (HEARTBEAT, DECLARED)
    adopt(runtime, declared, case.endpoint, registry, case.records)
    if thorough:
        survey(runtime, declared, registry, case.records, source=cause["detail_type"])
    concluded = _conclude(case)
    _choose(case, registry)
    if _record_unrecorded(case):
        concluded = _conclude(case)
        _choose(case, registry)
    step = next_step(case.endpoint, case.target, case.records, runtime.now())
    _log(case, step)
    take(step, case)
    _tell_if_nothing_eligible(case)
    _tell_if_held_by_hand(case)
    if step is Step.NOTHING and (thorough or concluded):
        _collect(case)
        _scale(case)


def _choose(case: Case, registry: Registry) -> None:
    live = case.endpoint.config_name if case.endpoint else None
    case.target = choose(case.declared, case.records, registry, live)


def _conclude(case: Case) -> bool:
    """Close the open attempt if it ended. One that SageMaker does not show yet is looked at again."""
    attempt = case.records.open_attempt
    conclusion = conclude(case.endpoint, attempt) if attempt else None
    if attempt and conclusion:
        conclusion = explained(case.runtime, case.declared, attempt, conclusion)
        close_attempt(case, attempt, conclusion.outcome, conclusion.reason)
        return True
    if attempt and state(case.endpoint, case.records) is State.IN_SERVICE:
        raise Transient(f"endpoint {case.name} does not show attempt {attempt.number} yet")
    return False


def _record_unrecorded(case: Case) -> bool:
    """Record an attempt that SageMaker shows and the ledger lacks, because its writer died in between."""
    target = case.target
    if target is None or case.records.open_attempt or target.config_name == target.approval.config_name:
        return False
    if not unrecorded(case.endpoint, target.config_name, case.records.attempts):
        return False
    record_attempt(case, target, found_modified="")
    return True


def _collect(case: Case) -> None:
    if case.endpoint is None or state(case.endpoint, case.records) is not State.IN_SERVICE:
        return
    in_use = {case.endpoint.config_name, case.target.config_name if case.target else ""}
    removed = collect(case.runtime, case.name, in_use)
    if removed:
        log("collected", endpoint=case.name, names=removed)


def _scale(case: Case) -> None:
    """Bring scalable target, policy and number of instances to what is declared, on an endpoint at rest of our own."""
    endpoint, wanted = case.endpoint, case.declared.declaration.scaling
    if endpoint is None or state(endpoint, case.records) is not State.IN_SERVICE or not endpoint.count:
        return
    paused = wish(endpoint, case.target, case.records, case.runtime.now()) is Wish.PAUSED
    if paused or not is_artifact_name(case.name, endpoint.config_name):
        return
    done = scaling.apply(case.runtime.client("application-autoscaling"), case.name, wanted)
    count = scaling.clamped(endpoint.count, case.declared.declaration.instance_count, wanted)
    if count != endpoint.count:
        scaling.set_count(case.sagemaker, case.name, count)
        done.append(f"{count} instances instead of {endpoint.count}")
    if done:
        log("scaling", endpoint=case.name, why=done)


def _tell_if_nothing_eligible(case: Case) -> None:
    approved = [approval for approval in case.records.approvals if approval.status == APPROVED]
    if case.target or not approved:
        return
    latest = max(approval.key for approval in case.records.approvals)
    key = f"nothing#{latest}#{len(case.records.attempts)}"
    gone = state(case.endpoint, case.records) in (State.ABSENT, State.DELETING, State.FAILED)
    serving = "Nothing serves." if gone else "The endpoint goes on as it is."
    text = f"No approved version is eligible: each was withdrawn or has failed. {serving}"
    notify(case.runtime, case.name, case.records, key, "nothing eligible", text)


def _tell_if_held_by_hand(case: Case) -> None:
    """A hold of the hook's own has a trigger and was told when it began."""
    hold = case.records.hold
    if hold is None or hold.trigger:
        return
    until = f"It stays on version {hold.version}" if hold.package_arn else "It stays as it is"
    text = f"By {hold.by}: {hold.reason}. {until} until it is released."
    notify(case.runtime, case.name, case.records, f"hold#{hold.at}", "held", text)


def _poisoned(endpoint_name: str, error: Exception, runtime: Runtime) -> None:
    text = f"{type(error).__name__}: {error}"
    log("poisoned", endpoint=endpoint_name, error=text, trace=traceback.format_exception(error))
    key = f"error#{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    notify(runtime, endpoint_name, runtime.ledger.read(endpoint_name), key, "cannot be reconciled", text)


def _delay(record: dict[str, Any], runtime: Runtime, error: Transient) -> None:
    receives = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
    seconds = max(error.delay, min(_FIRST_DELAY * 2 ** (receives - 1), _LONGEST_DELAY))
    log("again", reason=str(error), seconds=seconds, receives=receives)
    if record.get("receiptHandle"):
        runtime.client("sqs").change_message_visibility(
            QueueUrl=runtime.queue_url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=seconds
        )


def _log(case: Case, step: Step) -> None:
    target, now, attempts = case.target, case.runtime.now(), case.records.attempts
    log(
        "reconcile",
        endpoint=case.name,
        version=target.approval.version if target else None,
        attempt=attempts[-1].number if attempts else None,
        step=step.value,
        why=wish(case.endpoint, target, case.records, now).value,
        state=state(case.endpoint, case.records).value,
        config=target.config_name if target else None,
        cause=case.cause,
    )
