"""Approve, reject, roll back, hold and release."""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.approvals.choice import awaiting_review, numbered, require_approved, served_before
from modelyard.approvals.endpoint import ProjectEndpoint, Version
from modelyard.approvals.errors import ApprovalError
from modelyard.approvals.progress import Goal, Serves, Withdrawn
from modelyard.lambdas.serving.ledger import APPROVED, REJECTED, Approval, Hold, Records
from modelyard.lambdas.serving.registry import current

__all__ = ["Asked", "approve", "hold", "reject", "release", "rollback"]

# Characters of ApprovalDescription: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateModelPackage.html
_LONGEST_DESCRIPTION = 1024


@dataclass(frozen=True)
class Asked:
    """What was asked for, in words, and as what `follow` waits for."""

    text: str
    goal: Goal


def approve(endpoint: ProjectEndpoint, number: str = "", reason: str = "") -> Asked:
    """Approve a version; by default the newest that awaits review. One that is Approved is approved anew in the ledger.

    Raises:
        ApprovalError: there is no such version, none awaits review, or its registration is not complete.
    """
    version = numbered(endpoint, number) if number else awaiting_review(endpoint, "approve")
    if version.registration != "Completed":
        raise ApprovalError(
            f"version {version.number} of {endpoint.project} cannot be approved: its registration is "
            f"{version.registration}; approve a Completed one"
        )
    if version.approval == APPROVED:
        return _approve_anew(endpoint, version, "Modelyard Approval", reason)
    known = _known(endpoint.records(), version)
    _review(endpoint, version, APPROVED, reason)
    return Asked(
        f"version {version.number} of {endpoint.project} is approved",
        Serves(version.arn, version.created, version.number, known),
    )


def reject(endpoint: ProjectEndpoint, number: str = "", reason: str = "") -> Asked:
    """Reject a version; by default the newest that awaits review.

    Raises:
        ApprovalError: there is no such version, or none awaits review.
    """
    version = numbered(endpoint, number) if number else awaiting_review(endpoint, "reject")
    known = _known(endpoint.records(), version)
    _review(endpoint, version, REJECTED, reason)
    return Asked(
        f"version {version.number} of {endpoint.project} is rejected",
        Withdrawn(version.arn, version.number, known),
    )


def rollback(endpoint: ProjectEndpoint, number: str = "", reason: str = "") -> Asked:
    """Take the endpoint back to a version; by default to the one that served before the present one.

    Raises:
        ApprovalError: there is no such version, none served before, or it is not Approved in the registry.
    """
    version = numbered(endpoint, number) if number else _previous(endpoint)
    require_approved(endpoint.project, version)
    return _approve_anew(endpoint, version, "Modelyard Rollback", reason)


def hold(endpoint: ProjectEndpoint, reason: str, number: str = "") -> Hold:
    """Keep an endpoint as it is, or pin it to a version, until it is released.

    Raises:
        ApprovalError: there is no reason, no such version, or the version is not Approved.
        LedgerError: the endpoint is held already.
    """
    if not reason.strip():
        raise ApprovalError(f'--reason is missing; say why {endpoint.project} is held: --reason "TEXT"')
    _check_length(reason, 0)
    pinned = _pinned(endpoint, number) if number else None
    at, by = _after_holds(endpoint), endpoint.connection.who
    held = endpoint.connection.runtime.ledger.hold(endpoint.name, at=at, by=by, reason=reason, version=pinned)
    endpoint.wake("Modelyard Hold")
    return held


def release(endpoint: ProjectEndpoint, reason: str = "") -> Hold:
    """End the hold of an endpoint.

    Raises:
        LedgerError: the endpoint is not held.
    """
    _check_length(reason, 0)
    at, by = _after_holds(endpoint), endpoint.connection.who
    released = endpoint.connection.runtime.ledger.release(endpoint.name, at=at, by=by, reason=reason)
    endpoint.wake("Modelyard Release")
    return released


def _review(endpoint: ProjectEndpoint, version: Version, status: str, reason: str) -> None:
    description = f"{status} by {endpoint.connection.who}" + (f": {reason}" if reason else "")
    _check_length(reason, len(description) - len(reason))
    endpoint.connection.client("sagemaker").update_model_package(
        ModelPackageArn=version.arn, ModelApprovalStatus=status, ApprovalDescription=description
    )


def _approve_anew(endpoint: ProjectEndpoint, version: Version, detail_type: str, reason: str) -> Asked:
    records, connection = endpoint.records(), endpoint.connection
    at = connection.moment(after=max((item.at for item in records.approvals), default=""))
    approval = _approval(records, version) or _unheard_of(version)
    connection.runtime.ledger.approve(endpoint.name, approval, at=at, by=_by(connection.who, reason))
    endpoint.wake(detail_type)
    return Asked(
        f"version {version.number} of {endpoint.project} is approved anew",
        Serves(version.arn, version.created, version.number, _known(records, version)),
    )


def _previous(endpoint: ProjectEndpoint) -> Version:
    package = served_before(endpoint.project, endpoint.records())
    found = [each for each in endpoint.versions().values() if (each.arn, each.created) == package]
    if not found:
        raise ApprovalError(
            f"{package[0]}, which served before the present version, is no longer in the model registry; "
            f"name another version: modelyard rollback {endpoint.project} --to VERSION"
        )
    return found[0]


def _pinned(endpoint: ProjectEndpoint, number: str) -> Approval:
    version = numbered(endpoint, number)
    require_approved(endpoint.project, version)
    approval = _approval(endpoint.records(), version)
    if approval is None or approval.status != APPROVED:
        raise ApprovalError(
            f"the ledger has no approval of version {version.number} of {endpoint.project} yet; approve it anew: "
            f"modelyard approve {endpoint.project} {version.number}"
        )
    return approval


def _approval(records: Records, version: Version) -> Approval | None:
    """The ledger's last word on a version."""
    package = (version.arn, version.created)
    return next((item for item in current(records.approvals) if (item.package_arn, item.created) == package), None)


def _unheard_of(version: Version) -> Approval:
    return Approval(version.arn, version.created, version.number, APPROVED, at="", source="")


def _known(records: Records, version: Version) -> frozenset[str]:
    return frozenset(item.key for item in records.approvals if item.package_arn == version.arn)


def _after_holds(endpoint: ProjectEndpoint) -> str:
    return endpoint.connection.moment(after=max((item.at for item in endpoint.records().holds), default=""))


def _by(who: str, reason: str) -> str:
    return f"{who}: {reason}" if reason else who


def _check_length(reason: str, besides: int) -> None:
    if not reason.isprintable():
        raise ApprovalError("--reason: it has a line break or another control character; write it on one line")
    if besides + len(reason) > _LONGEST_DESCRIPTION:
        raise ApprovalError(
            f"--reason: {len(reason)} characters; SageMaker takes {_LONGEST_DESCRIPTION - besides} here; shorten it"
        )
