"""Whether what was asked for has come about: pure judgements of a view, and the loop that looks until one is made."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from modelyard.approvals.endpoint import View, concluded
from modelyard.lambdas.serving.errors import Meaning, meaning
from modelyard.lambdas.serving.ledger import APPROVED, FAILED, Approval, Records
from modelyard.lambdas.serving.registry import current
from modelyard.lambdas.serving.steps import State, Wish

__all__ = ["Goal", "Outcome", "Serves", "Sighting", "Watched", "Withdrawn", "follow"]

_FIRST_PAUSE = 0.25  # seconds between looks, growing
_LONGEST_PAUSE = 5.0
_PATIENCE = 30.0


@dataclass(frozen=True)
class Outcome:
    """How it ended: `reached` if the endpoint is as asked."""

    reached: bool
    text: str


class Goal(Protocol):
    """What a command asked of an endpoint."""

    def judge(self, view: View) -> Outcome | None:
        """The outcome, or None while it is not decided."""

    def heard(self, records: Records) -> bool:
        """Whether the ledger tells of the request yet: an event may take a moment."""


@dataclass(frozen=True)
class Serves:
    """That a version serves. `known` are the keys of its approvals from before it was asked for."""

    package_arn: str
    created: str
    version: int
    known: frozenset[str]

    def heard(self, records: Records) -> bool:
        """Whether the ledger has the approval."""
        return self._approval(records) is not None

    def judge(self, view: View) -> Outcome | None:
        """Reached when the endpoint is InService with the version's config; not, when that failed or cannot come."""
        approval = self._approval(view.records)
        if approval is None:
            return None
        mine = [concluded(item, view.endpoint) for item in view.records.attempts if item.approval == approval.key]
        if mine and mine[-1].outcome == FAILED:
            return Outcome(False, f"version {self.version} does not serve: {mine[-1].reason}")
        if view.target is None or view.target.approval.key != approval.key:
            return Outcome(False, f"version {self.version} is not what is wanted: {self._overruled(view)}")
        if view.state is State.IN_SERVICE and view.wish in (Wish.SAME, Wish.PAUSED) and self._shown(view):
            return Outcome(True, f"version {self.version} serves")
        return _held(view, f"version {self.version} serves")

    def _approval(self, records: Records) -> Approval | None:
        package = (self.package_arn, self.created)
        mine = [item for item in current(records.approvals) if (item.package_arn, item.created) == package]
        new = [item for item in mine if item.status == APPROVED and item.key not in self.known]
        return new[0] if new else None

    def _shown(self, view: View) -> bool:
        return bool(view.target and view.target.config_name == view.serving_config)

    def _overruled(self, view: View) -> str:
        hold = view.records.hold
        if hold and hold.package_arn and hold.package_arn != self.package_arn:
            return f"the endpoint is pinned to version {hold.version} since {hold.at} ({hold.reason})"
        if view.target:
            return f"version {view.target.approval.version} was approved later"
        return "it is not eligible (rejected, deleted or not registered completely meanwhile)"


@dataclass(frozen=True)
class Withdrawn:
    """That a version serves no longer. `known` are the keys of the approvals and rejections from before."""

    package_arn: str
    version: int
    known: frozenset[str]

    def heard(self, records: Records) -> bool:
        """Whether the ledger has the rejection."""
        return any(item.package_arn == self.package_arn and item.key not in self.known for item in records.approvals)

    def judge(self, view: View) -> Outcome | None:
        """Reached when the version neither serves nor is coming up; not, when there is nothing else to serve."""
        present, present_version = view.package_of(view.serving_config)
        coming, _ = view.package_of(view.coming_config)
        if self.package_arn not in (present, coming):
            rest = f"version {present_version} serves" if present_version else "it does not serve"
            return Outcome(True, f"version {self.version} is rejected; {rest}")
        if view.target is None and view.state is State.IN_SERVICE and not view.records.open_attempt:
            keeps = f"version {self.version} is rejected and still serves: no other approved version is eligible"
            return Outcome(False, keeps)
        return _held(view, "another version serves")


class Watched(Protocol):
    """A `ProjectEndpoint`, or what else can be looked at."""

    def look(self) -> View:
        """How it stands now."""


@dataclass(frozen=True)
class Sighting:
    """One look: a view, or why there was none, and the outcome if that decided it."""

    view: View | None = None
    outcome: Outcome | None = None
    trouble: str = ""


def follow(endpoint: Watched, goal: Goal, pause: Callable[[float], None] = time.sleep) -> Iterator[Sighting]:
    """Look at the endpoint until the goal is decided. Lost connections and throttling do not end it.

    SageMaker does not say why it rolled back, but the approval hook does: that is waited for, half a minute at most.
    """
    seconds, patience = _FIRST_PAUSE, _PATIENCE
    while True:
        sighting = _look(endpoint, goal)
        failed = sighting.outcome and not sighting.outcome.reached
        if failed and sighting.view and sighting.view.unexplained and patience > 0:
            sighting = Sighting(sighting.view)
            patience -= seconds
        yield sighting
        if sighting.outcome:
            return
        pause(seconds)
        seconds = min(seconds * 1.1, _LONGEST_PAUSE)


def _look(endpoint: Watched, goal: Goal) -> Sighting:
    try:
        view = endpoint.look()
    except Exception as error:
        if meaning(error) is not Meaning.TRANSIENT:
            raise
        return Sighting(trouble=str(error))
    return Sighting(view, goal.judge(view))


def _held(view: View, then: str) -> Outcome | None:
    """That a hold keeps the endpoint as it is; a rollout that had begun goes on under a hold."""
    hold = view.records.hold
    if view.wish is not Wish.PAUSED or hold is None or view.records.open_attempt or view.state is State.BUSY:
        return None
    return Outcome(False, f"the endpoint is held since {hold.at} ({hold.reason}): {then} after its release")
