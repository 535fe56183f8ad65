"""Which version a person means."""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.approvals.endpoint import ProjectEndpoint, Version
from modelyard.approvals.errors import ApprovalError
from modelyard.lambdas.serving.ledger import ADOPTED, APPROVED, OPEN, PENDING, SUCCEEDED, Records
from modelyard.settings.errors import nearest

__all__ = ["awaiting_review", "numbered", "require_approved", "served_before"]


def numbered(endpoint: ProjectEndpoint, number: str) -> Version:
    """The registered version of that number.

    Raises:
        ApprovalError: it is no number, or there is no such version.
    """
    versions = endpoint.versions()
    if number.isdecimal() and int(number) in versions:
        return versions[int(number)]
    there = f"it has: {', '.join(map(str, versions))}" if versions else "it has none yet"
    near = nearest(number, map(str, versions))
    raise ApprovalError(f"version {number!r}: model package group {endpoint.group} has no such version; {there}{near}")


def awaiting_review(endpoint: ProjectEndpoint, command: str) -> Version:
    """The newest version that awaits its review.

    Raises:
        ApprovalError: none does.
    """
    versions = endpoint.versions()
    waiting = [each for each in versions.values() if each.approval == PENDING and each.registration == "Completed"]
    if waiting:
        return waiting[-1]
    there = ", ".join(f"{each.number} {each.approval}" for each in versions.values()) or "none is registered"
    raise ApprovalError(
        f"no version of {endpoint.project} awaits review ({there}); name the version: "
        f"modelyard {command} {endpoint.project} VERSION"
    )


def served_before(project: str, records: Records) -> tuple[str, str]:
    """ARN and creation time of the version that served before the one that serves now or is coming up.

    Of the versions that served, in order, it is the one just before the first time of the present one: taking back
    twice goes back two versions.

    Raises:
        ApprovalError: the ledger knows none.
    """
    served = _served(records)
    first = next((place for place, item in enumerate(served) if item.package == served[-1].package), 0)
    before = [item for item in served[:first] if item.finished]
    if not before:
        numbers = ", ".join(dict.fromkeys(str(item.version) for item in served)) or "none"
        raise ApprovalError(
            f"no version of {project} served before the present one (the ledger knows: {numbers}); "
            f"name one: modelyard rollback {project} --to VERSION"
        )
    return before[-1].package


def require_approved(project: str, version: Version) -> None:
    """A version serves only while the registry has it as Approved; an ApprovalError says how to get there."""
    if version.approval != APPROVED:
        raise ApprovalError(
            f"version {version.number} of {project} is {version.approval} in the model registry, so it cannot serve; "
            f"approve it: modelyard approve {project} {version.number}"
        )


@dataclass(frozen=True)
class _Served:
    at: str
    package: tuple[str, str]
    version: int
    finished: bool


def _served(records: Records) -> list[_Served]:
    """What served, and what is coming up, in order; a version that was found live served as well."""
    found = [
        _Served(item.at, (item.package_arn, item.created), item.version, True)
        for item in records.approvals
        if item.source == ADOPTED and item.package_arn
    ]
    asked = [
        _Served(item.asked_at, (item.package_arn, item.created), item.version, item.outcome == SUCCEEDED)
        for item in records.attempts
        if item.outcome in (SUCCEEDED, OPEN)
    ]
    return sorted([*found, *asked], key=lambda item: item.at)
