"""Doing a step: the calls that change SageMaker, each safe to be made again after a crash before or behind it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from . import collect, declaration, updates
from .artifacts import config_request, model_request, tags
from .declaration import Declared
from .desired import Target
from .errors import Meaning, Transient, meaning, unless_absent
from .ledger import CAPACITY, FAILED, OPEN, SUCCEEDED, SUPERSEDED, Attempt, Hold, Records
from .notices import notify
from .registry import Package
from .runtime import Runtime, log
from .steps import ROLLED_BACK, Endpoint, Step, mixed_trigger

_DELETION_DELAY = 5  # seconds until a deleted endpoint is looked at again

_TOLD = {
    SUCCEEDED: "deployed",
    FAILED: "failed",
    CAPACITY: "waits for capacity",
    SUPERSEDED: "superseded",
}


@dataclass
class Case:
    """One endpoint under reconciliation: what was read of it, and why."""

    runtime: Runtime
    declared: Declared
    endpoint: Endpoint | None
    records: Records
    cause: dict[str, str]
    target: Target | None = None

    @property
    def name(self) -> str:
        """The endpoint's name."""
        return self.declared.declaration.endpoint_name

    @property
    def sagemaker(self) -> Any:
        """The SageMaker client."""
        return self.runtime.client("sagemaker")


def take(step: Step, case: Case) -> None:
    """Do `step`. What must be looked at again is a Transient."""
    if step in (Step.CREATE, Step.UPDATE) and case.target and case.target.package:
        _deploy(step, case, case.target, case.target.package)
    if step is Step.DELETE:
        _delete_failed(case)
    if step is Step.HOLD and case.endpoint:
        _hold(case, case.endpoint)
    if step is Step.LATER:
        raise Transient(f"endpoint {case.name} is being deleted", _DELETION_DELAY)


def record_attempt(case: Case, target: Target, found_modified: str, lacking: str = "") -> Attempt:
    """Add the attempt at `target` to the ledger; it is written after SageMaker has accepted it, never before.

    `found_modified` is the endpoint's LastModifiedTime from before, empty if that was not seen. `lacking` is
    SageMaker's word for the capacity that was not there: that attempt has ended already.
    """
    endpoint, approval = case.endpoint, target.approval
    attempt = Attempt(
        number=len(case.records.attempts) + 1,
        package_arn=approval.package_arn,
        created=approval.created,
        version=approval.version,
        config_name=target.config_name,
        approval=approval.key,
        declaration_id=case.declared.id,
        asked_at=case.runtime.now(),
        event_id=case.cause.get("event_id", ""),
        found_config=endpoint.config_name if endpoint else "",
        found_modified=found_modified,
        outcome=CAPACITY if lacking else OPEN,
        reason=lacking,
        ended_at=case.runtime.now() if lacking else "",
    )
    if not case.runtime.ledger.add_attempt(case.name, attempt):
        raise Transient(f"attempt {attempt.number} of endpoint {case.name} was recorded by somebody else")
    case.records.attempts.append(attempt)
    return attempt


def close_attempt(case: Case, attempt: Attempt, outcome: str, reason: str) -> None:
    """Tell how an attempt ended, then write it down: after a crash between the two it is told again."""
    tell(case, replace(attempt, outcome=outcome, reason=reason))
    closed = case.runtime.ledger.close_attempt(case.name, attempt, outcome, reason, case.runtime.now())
    case.records.attempts[case.records.attempts.index(attempt)] = closed


def tell(case: Case, attempt: Attempt) -> None:
    """Notify of an attempt's outcome."""
    # Capacity may be missing for days: that is told once, not at every attempt.
    key = f"{CAPACITY}#{attempt.approval}" if attempt.outcome == CAPACITY else f"attempt#{attempt.key}"
    rolled_back = attempt.outcome == FAILED and attempt.reason.startswith(ROLLED_BACK)
    told = ROLLED_BACK if rolled_back else _TOLD[attempt.outcome]
    subject, text = f"version {attempt.version} {told}", attempt.reason or "It is in service."
    notify(case.runtime, case.name, case.records, key, subject, text)


def _deploy(step: Step, case: Case, target: Target, package: Package) -> None:
    found_modified = case.endpoint.modified if case.endpoint else ""
    try:
        _make_artifacts(case, target.config_name, package)
        further = _further(step, case, target)
        if not _still_declared(case, target):
            return
        _ask(step, case, target, further)
    except Exception as error:
        if meaning(error) is not Meaning.CAPACITY:
            raise
        tell(case, record_attempt(case, target, found_modified, lacking=str(error)))
        return
    attempt = record_attempt(case, target, found_modified)
    log(
        "asked",
        endpoint=case.name,
        version=attempt.version,
        attempt=attempt.number,
        step=step.value,
        why=case.cause.get("detail_type", ""),
        config=target.config_name,
    )


def _make_artifacts(case: Case, name: str, package: Package) -> None:
    wanted, client = case.declared.declaration, case.sagemaker
    model, config = model_request(wanted, package, name), config_request(wanted, package, name)
    _ensure(client.describe_model, "ModelName", client.create_model, model)
    _ensure(client.describe_endpoint_config, "EndpointConfigName", client.create_endpoint_config, config)


def _ensure(describe: Any, key: str, create: Any, request: dict[str, Any]) -> None:
    """Create what `request` names unless it is there: the name stands for the content."""
    if unless_absent(describe, **{key: request[key]}) is None:
        create(**request)


def _still_declared(case: Case, target: Target) -> bool:
    """Whether the declaration stands as it was read; if it was removed meanwhile, so is what was made for it.

    The stack removes the declaration before it deletes anything, so nothing is created behind its back.
    """
    now = declaration.read(case.runtime.client("ssm"), case.declared.parameter_name)
    if now is None:
        collect.delete_one(case.runtime, case.name, target.config_name)
        log("no longer declared", endpoint=case.name)
        return False
    if now.id != case.declared.id:
        raise Transient(f"endpoint {case.name} was declared anew meanwhile")
    return True


def _further(step: Step, case: Case, target: Target) -> dict[str, Any]:
    """What the call that counts takes besides names; whatever else it needs is made here."""
    declared = case.declared.declaration
    if step is Step.CREATE:
        return {"Tags": tags(declared)}
    live = case.endpoint.config_name if case.endpoint else ""
    return updates.arguments(case.runtime, declared, live, target.config_name)


def _ask(step: Step, case: Case, target: Target, further: dict[str, Any]) -> None:
    request = {"EndpointName": case.name, "EndpointConfigName": target.config_name, **further}
    if step is Step.CREATE:
        case.sagemaker.create_endpoint(**request)
        return
    if unless_absent(case.sagemaker.update_endpoint, **request) is None:
        raise Transient(f"endpoint {case.name} was deleted meanwhile")


def _delete_failed(case: Case) -> None:
    """A Failed endpoint can only be deleted; the message comes again if there is something to create after it."""
    unless_absent(case.sagemaker.delete_endpoint, EndpointName=case.name)
    log("failed endpoint deleted", endpoint=case.name)
    if case.target:
        raise Transient(f"endpoint {case.name} had failed and is being deleted", _DELETION_DELAY)


def _hold(case: Case, endpoint: Endpoint) -> None:
    reason = f"{endpoint.status}: {endpoint.failure_reason or 'SageMaker gave no reason'}"
    trigger = mixed_trigger(endpoint)
    text = f"{reason}. Old and new instances serve side by side. Look at the endpoint, then release it."
    notify(case.runtime, case.name, case.records, f"held#{trigger}", "held", text)
    hold = Hold(at=case.runtime.now(), held=1, reason=reason, by="reconcile", trigger=trigger)
    case.runtime.ledger.add_hold(case.name, hold)
    case.records.holds.append(hold)
