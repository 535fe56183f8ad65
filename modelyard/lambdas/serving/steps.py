"""What to do next with an endpoint: its state, and what is wanted of it, give one step. Pure; `actions` does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from .desired import Target
from .errors import is_capacity
from .instants import seconds_between
from .ledger import CAPACITY, FAILED, SUCCEEDED, SUPERSEDED, Attempt, Records

ROLLED_BACK = "rolled back"


class Step(Enum):
    """One step; only CREATE, UPDATE and DELETE change the endpoint."""

    NOTHING = "nothing"
    LATER = "later"  # the message comes again: no event will tell when to go on
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    HOLD = "hold"


class State(Enum):
    """What an endpoint's status means here."""

    ABSENT = "absent"
    BUSY = "busy"
    DELETING = "deleting"
    IN_SERVICE = "in service"
    FAILED = "failed"
    MIXED = "old and new fleet mixed"
    MIXED_RELEASED = "mixed, and a person has released it"


class Wish(Enum):
    """How what is wanted compares to what is."""

    PAUSED = "paused"
    NONE = "no version is eligible"
    SAME = "this config"
    OTHER = "another config"
    BACKING_OFF = "another config, but there was no capacity just now"


@dataclass(frozen=True)
class Endpoint:
    """A described endpoint. `pending_config` is what it is being updated to, empty if nothing.

    `count` is the desired number of instances of the variant that the hook makes, 0 where there is none.
    """

    status: str
    config_name: str
    modified: str
    pending_config: str = ""
    failure_reason: str = ""
    count: int = 0


@dataclass(frozen=True)
class Conclusion:
    """How an attempt ended, and why."""

    outcome: str
    reason: str = ""


# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
_STATES: Mapping[str, State] = {
    "OutOfService": State.BUSY,
    "Creating": State.BUSY,
    "Updating": State.BUSY,
    "SystemUpdating": State.BUSY,
    "RollingBack": State.BUSY,
    "Deleting": State.DELETING,
    "InService": State.IN_SERVICE,
    "Failed": State.FAILED,
    "UpdateRollbackFailed": State.MIXED,
}

_NOTHING = dict.fromkeys(Wish, Step.NOTHING)

TABLE: Mapping[State, Mapping[Wish, Step]] = {
    State.ABSENT: {**_NOTHING, Wish.SAME: Step.CREATE, Wish.OTHER: Step.CREATE},
    State.BUSY: _NOTHING,
    State.DELETING: {**_NOTHING, Wish.SAME: Step.LATER, Wish.OTHER: Step.LATER},
    State.IN_SERVICE: {**_NOTHING, Wish.OTHER: Step.UPDATE},
    State.FAILED: {**dict.fromkeys(Wish, Step.DELETE), Wish.PAUSED: Step.NOTHING},
    State.MIXED: {**dict.fromkeys(Wish, Step.HOLD), Wish.PAUSED: Step.NOTHING},
    State.MIXED_RELEASED: {**_NOTHING, Wish.SAME: Step.UPDATE, Wish.OTHER: Step.UPDATE},
}


def next_step(endpoint: Endpoint | None, target: Target | None, records: Records, now: str) -> Step:
    """The one step to take now."""
    return TABLE[state(endpoint, records)][wish(endpoint, target, records, now)]


def state(endpoint: Endpoint | None, records: Records) -> State:
    """The endpoint's state; an unknown status of SageMaker's is a busy one, left alone."""
    if endpoint is None:
        return State.ABSENT
    plain = _STATES.get(endpoint.status, State.BUSY)
    if plain is State.MIXED and any(hold.trigger == mixed_trigger(endpoint) for hold in records.holds):
        return State.MIXED_RELEASED
    return plain


def wish(endpoint: Endpoint | None, target: Target | None, records: Records, now: str) -> Wish:
    """What is wanted of the endpoint; a pin does not pause, it only chooses."""
    hold = records.hold
    if hold and not hold.package_arn:
        return Wish.PAUSED
    if target is None:
        return Wish.NONE
    if endpoint and endpoint.config_name == target.config_name:
        return Wish.SAME
    ended = max((item.ended_at for item in records.attempts if item.config_name == target.config_name), default="")
    if ended and target.back_off and seconds_between(ended, now) < target.back_off:
        return Wish.BACKING_OFF
    return Wish.OTHER


def mixed_trigger(endpoint: Endpoint) -> str:
    """Names one failed roll back, so that it holds the endpoint once and not again after a release."""
    return f"{endpoint.status} {endpoint.modified}"


def conclude(endpoint: Endpoint | None, attempt: Attempt) -> Conclusion | None:
    """How an open attempt ended, or None while it goes on (or SageMaker has not taken it up visibly).

    Success is InService and the config we asked for. InService with the config from before is a roll back, which
    SageMaker does not announce and may give no reason for.
    """
    if endpoint is None:
        return Conclusion(SUPERSEDED, "the endpoint was deleted")
    where = _STATES.get(endpoint.status, State.BUSY)
    if where in (State.FAILED, State.MIXED):
        return _failure(endpoint.failure_reason or f"the endpoint is {endpoint.status} and SageMaker gave no reason")
    if where is not State.IN_SERVICE:
        return None
    if endpoint.config_name == attempt.config_name:
        return Conclusion(SUCCEEDED)
    if endpoint.config_name != attempt.found_config:
        return Conclusion(SUPERSEDED, f"somebody else put the endpoint on config {endpoint.config_name}")
    if endpoint.modified == attempt.found_modified:
        return None
    return _failure(f"{ROLLED_BACK}: " + (endpoint.failure_reason or "SageMaker gave no reason"))


def unrecorded(endpoint: Endpoint | None, config_name: str, attempts: list[Attempt]) -> bool:
    """Whether SageMaker shows a deployment of `config_name` that the ledger does not know.

    Whoever asked for it died before writing it down. No attempt may be open when this is asked.
    """
    if endpoint is None:
        return False
    where = _STATES.get(endpoint.status, State.BUSY)
    if where is State.BUSY:
        coming = endpoint.config_name if endpoint.status == "Creating" else endpoint.pending_config
        return coming == config_name
    known = [item for item in attempts if where is not State.IN_SERVICE or item.outcome == SUCCEEDED]
    shown = where in (State.IN_SERVICE, State.FAILED) and endpoint.config_name == config_name
    return shown and (not known or known[-1].config_name != config_name)


def _failure(reason: str) -> Conclusion:
    return Conclusion(CAPACITY if is_capacity(reason) else FAILED, reason)
