"""Which version an endpoint should serve: the eligible one that was approved last. A pure function of what is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from .artifacts import artifact_name
from .declaration import Declared
from .instants import instant, seconds_between, whole_second
from .ledger import ADOPTED, APPROVED, CAPACITY, FAILED, Approval, Attempt, Records
from .registry import Package, current

_EVENT_DELAY = 2.0  # seconds that an event's time may differ from the LastModifiedTime of what it reports
_FIRST_BACK_OFF = 300.0  # seconds before an attempt that found no capacity is made again, doubled each time
_LONGEST_BACK_OFF = 3600.0


class Packages(Protocol):
    """What `choose` asks the model registry."""

    def describe(self, arn: str) -> Package | None:
        """The package, or None if there is none."""

    def is_approved(self, arn: str) -> bool:
        """Whether a listing shows the package as Approved; cheap, and perhaps a little old."""


@dataclass(frozen=True)
class Target:
    """What to serve: the approval behind it, and the config's name. No `package`: found live and not of this group."""

    approval: Approval
    config_name: str
    package: Package | None = None
    back_off: float = 0.0  # seconds to wait after the last attempt ended; 0: go on


def choose(declared: Declared, records: Records, packages: Packages, live_config: str | None) -> Target | None:
    """The desired version, or None if none is eligible.

    Eligible is what is registered completely, still Approved, and has not failed since it was approved and declared.
    A pin leaves one candidate. `live_config` is the endpoint config that serves now: an adopted one is left as it is
    until the declaration changes.
    """
    for position, approval in enumerate(_candidates(records, packages)):
        if not approval.package_arn:  # adopted, and not of this group: as it is or not at all
            if live_config == approval.config_name:
                return Target(approval, approval.config_name)
            continue
        if position and not packages.is_approved(approval.package_arn):
            continue
        package = packages.describe(approval.package_arn)
        if package is None or not package.deployable or package.created != approval.created:
            continue
        if _left_alone(approval, declared, live_config):
            return Target(approval, approval.config_name, package)
        name = artifact_name(declared.declaration, package)
        mine = [attempt for attempt in records.attempts if _same(attempt, approval, declared, name)]
        if not any(attempt.outcome == FAILED for attempt in mine):
            return Target(approval, name, package, _back_off(mine))
    return None


def _candidates(records: Records, packages: Packages) -> Iterator[Approval]:
    """The last approval of each package, the latest first.

    Events tell the second only, so that approvals of one second are told apart by the packages' LastModifiedTime,
    and where that does not help by the higher version.
    """
    approved = [approval for approval in current(records.approvals) if approval.status == APPROVED]
    hold = records.hold
    if hold and hold.package_arn:
        approved = [item for item in approved if (item.package_arn, item.created) == (hold.package_arn, hold.created)]
    approved.sort(key=lambda item: (item.at, item.version), reverse=True)
    for _, group in groupby(approved, key=lambda item: whole_second(item.at)):
        together = list(group)
        if len(together) > 1:
            together.sort(key=lambda item: (_precisely(item, packages), item.version), reverse=True)
        yield from together


def _precisely(approval: Approval, packages: Packages) -> str:
    """When it was approved: by the package's LastModifiedTime, where that belongs to this approval or a later one."""
    package = packages.describe(approval.package_arn) if approval.package_arn else None
    if package is None or abs(seconds_between(approval.at, package.modified)) > _EVENT_DELAY:
        return approval.at
    known_to_the_second = approval.at == instant(whole_second(approval.at))
    return package.modified if known_to_the_second else max(approval.at, package.modified)


def _left_alone(approval: Approval, declared: Declared, live_config: str | None) -> bool:
    return approval.source == ADOPTED and (approval.config_name, approval.declaration_id) == (live_config, declared.id)


def _same(attempt: Attempt, approval: Approval, declared: Declared, config_name: str) -> bool:
    """Whether an attempt was made for this very approval, declaration and content."""
    return (attempt.approval, attempt.declaration_id, attempt.config_name) == (approval.key, declared.id, config_name)


def _back_off(attempts: list[Attempt]) -> float:
    misses = sum(attempt.outcome == CAPACITY for attempt in attempts)
    return min(_FIRST_BACK_OFF * 2 ** (misses - 1), _LONGEST_BACK_OFF) if misses else 0.0
