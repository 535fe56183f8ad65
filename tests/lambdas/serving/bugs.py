"""Bugs as they are made, each planted by replacing one function of the hook by what a careless author would write."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from modelyard.lambdas.serving import actions, collect, desired, errors, lifetime, reconcile, steps, wake
from modelyard.lambdas.serving.artifacts import artifact_name
from modelyard.lambdas.serving.desired import Packages, Target
from modelyard.lambdas.serving.ledger import APPROVED, SUCCEEDED, Approval, Attempt, Ledger, Records
from modelyard.lambdas.serving.registry import current
from modelyard.lambdas.serving.runtime import Runtime
from modelyard.lambdas.serving.steps import Conclusion, Endpoint

Plant = Callable[[pytest.MonkeyPatch], None]


def newest_approved(patch: pytest.MonkeyPatch) -> None:
    """The highest approved number instead of the version approved last."""

    def candidates(records: Records, packages: Packages) -> Iterator[Approval]:
        approved = [approval for approval in current(records.approvals) if approval.status == APPROVED]
        yield from sorted(approved, key=lambda approval: approval.version, reverse=True)

    patch.setattr(desired, "_candidates", candidates)


def deduplicated_by_content(patch: pytest.MonkeyPatch) -> None:
    """A deduplication id of what is to be reconciled instead of the event."""

    def send(runtime: Runtime, endpoint_name: str, parameter_name: str, why: dict[str, str]) -> None:
        body = {"endpoint_name": endpoint_name, "parameter_name": parameter_name}
        runtime.client("sqs").send_message(
            QueueUrl=runtime.queue_url,
            MessageBody=json.dumps({**body, "cause": why}),
            MessageGroupId=endpoint_name,
            MessageDeduplicationId=hashlib.sha256(json.dumps(body).encode()).hexdigest(),
        )

    patch.setattr(wake, "send", send)
    patch.setattr(lifetime, "send", send)


def not_read_again(patch: pytest.MonkeyPatch) -> None:
    """The ledger is kept from one wake to the next by a function that stays warm."""
    plain, kept = Ledger.read, dict[int, Records]()

    def read(ledger: Ledger, endpoint_name: str) -> Records:
        key = id(ledger._client)
        known = kept.get(key)
        if known is None or not known.approvals:
            kept[key] = known = plain(ledger, endpoint_name)
        return known

    patch.setattr(Ledger, "read", read)


def roll_back_taken_for_success(patch: pytest.MonkeyPatch) -> None:
    """InService is success, whatever the config."""
    plain = steps.conclude

    def conclude(endpoint: Endpoint | None, attempt: Attempt) -> Conclusion | None:
        in_service = endpoint is not None and endpoint.status == "InService"
        return Conclusion(SUCCEEDED) if in_service else plain(endpoint, attempt)

    patch.setattr(reconcile, "conclude", conclude)


def recorded_before_the_call(patch: pytest.MonkeyPatch) -> None:
    """The ledger says that SageMaker was asked before it is asked."""
    plain_ask, plain_record = actions._ask, actions.record_attempt
    recorded: dict[str, Attempt] = {}

    def ask(step: Any, case: Any, target: Any, further: dict[str, Any]) -> None:
        recorded["last"] = plain_record(case, target, case.endpoint.modified if case.endpoint else "")
        plain_ask(step, case, target, further)

    def record(case: Any, target: Any, found_modified: str, lacking: str = "") -> Attempt:
        return plain_record(case, target, found_modified, lacking) if lacking else recorded["last"]

    patch.setattr(actions, "_ask", ask)
    patch.setattr(actions, "record_attempt", record)


def collected_while_in_use(patch: pytest.MonkeyPatch) -> None:
    """Old is what was made first, and what serves or is to serve may be old."""
    plain = collect.collect
    patch.setattr(collect, "KEEP", 1)
    patch.setattr(reconcile, "collect", lambda runtime, endpoint_name, in_use: plain(runtime, endpoint_name, set()))


def capacity_fails_a_version(patch: pytest.MonkeyPatch) -> None:
    """Any trouble is the version's."""
    patch.setattr(errors, "is_capacity", lambda reason: False)
    patch.setattr(steps, "is_capacity", lambda reason: False)


def failed_tried_again(patch: pytest.MonkeyPatch) -> None:
    """What failed is as good as new at the next wake."""
    patch.setattr(desired, "FAILED", "nothing is called like this")


def events_only(patch: pytest.MonkeyPatch) -> None:
    """The heartbeat does not compare registry and ledger."""
    patch.setattr(reconcile, "survey", lambda *arguments, **options: None)


def declaration_removed_last(patch: pytest.MonkeyPatch) -> None:
    """Destroying an endpoint leaves its declaration to whoever comes next."""
    patch.setattr(lifetime, "_withdraw", lambda *arguments: None)


def hold_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Nobody asks whether the endpoint is held."""
    plain = steps.wish

    def wish(endpoint: Endpoint | None, target: Target | None, records: Records, now: str) -> steps.Wish:
        return plain(endpoint, target, replace(records, holds=[]), now)

    patch.setattr(steps, "wish", wish)


def named_by_the_time(patch: pytest.MonkeyPatch) -> None:
    """A name that is new at each call, so that what a crashed call made is not found again."""
    made = [0]

    def name(declaration: Any, package: Any) -> str:
        made[0] += 1
        return artifact_name(declaration, replace(package, created=str(made[0])))

    patch.setattr(desired, "artifact_name", name)


def alarms_left_behind(patch: pytest.MonkeyPatch) -> None:
    """Configs and models are collected, their alarms are not."""
    patch.setattr(collect, "_delete_alarms", lambda *arguments, **options: None)


def first_event_wins(patch: pytest.MonkeyPatch) -> None:
    """The moment of an approval is when its event arrives, not when it happened."""
    plain = wake.handle

    def handle(event: dict[str, Any], runtime: Runtime) -> dict[str, Any]:
        return plain({**event, "time": runtime.now()}, runtime)

    patch.setattr(wake, "handle", handle)


BY_HISTORIES: list[Plant] = [
    newest_approved,
    deduplicated_by_content,
    not_read_again,
    roll_back_taken_for_success,
    collected_while_in_use,
    capacity_fails_a_version,
    failed_tried_again,
    events_only,
    declaration_removed_last,
    hold_forgotten,
    named_by_the_time,
    alarms_left_behind,
    first_event_wins,
]
BY_CRASHES: list[Plant] = [recorded_before_the_call]
