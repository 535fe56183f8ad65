"""The ledger: approvals, attempts, holds and sent notices of every endpoint, in one DynamoDB table.

Partition key `pk` is `endpoint#<name>`. Sort keys (items are only ever added, but for the outcome of an attempt):

    approval#<at>#<version>#<status>   an approval status seen at <at>; the same event writes the same item
    attempt#<number>                   version and endpoint config that SageMaker was asked to serve
    hold#<at>                          a hold or a release; the last one counts
    notice#<key>                       a notification that went out, so that it goes out once

The table also holds `places`. `modelyard.lambdas.serving.ledger` is also what command-line tools read and write.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, ClassVar, TypeVar

from .instants import instant

APPROVED = "Approved"
REJECTED = "Rejected"
PENDING = "PendingManualApproval"

OPEN = "open"
SUCCEEDED = "succeeded"
FAILED = "failed"
CAPACITY = "capacity"
SUPERSEDED = "superseded"

ADOPTED = "adopted"


@dataclass(frozen=True)
class Approval:
    """That a model package version had `status` from `at` on.

    `created` is the package's creation time in whole seconds: a group that was deleted and made again uses its ARNs
    again. `source` says who told: an event, the heartbeat, a command, or `adopted` for the version found live when the
    ledger was empty; only an adoption has `config_name` and `declaration_id`, and its ARN may be empty (not ours).
    """

    PREFIX: ClassVar[str] = "approval"
    package_arn: str
    created: str
    version: int
    status: str
    at: str
    source: str
    event_id: str = ""
    by: str = ""
    config_name: str = ""
    declaration_id: str = ""

    @property
    def key(self) -> str:
        """Identifies this approval among all of its endpoint, whoever reports it."""
        return f"{self.at}#{self.version:06d}#{self.status}"


@dataclass(frozen=True)
class Attempt:
    """That SageMaker was asked for `config_name`. `found_modified` is the endpoint's LastModifiedTime before that."""

    PREFIX: ClassVar[str] = "attempt"
    number: int
    package_arn: str
    created: str
    version: int
    config_name: str
    approval: str
    declaration_id: str
    asked_at: str
    event_id: str = ""
    found_config: str = ""
    found_modified: str = ""
    outcome: str = OPEN
    reason: str = ""
    ended_at: str = ""

    @property
    def key(self) -> str:
        """Attempts of an endpoint are numbered, so that two writers cannot both add the next one."""
        return f"{self.number:08d}"


@dataclass(frozen=True)
class Hold:
    """A hold (`held`) or its release. With a package the endpoint is pinned to it, without one it is paused."""

    PREFIX: ClassVar[str] = "hold"
    at: str
    held: int
    reason: str = ""
    by: str = ""
    package_arn: str = ""
    created: str = ""
    version: int = 0
    trigger: str = ""

    @property
    def key(self) -> str:
        """Holds and releases are told apart by their time."""
        return self.at


@dataclass(frozen=True)
class Notice:
    """That the notification `key` was sent, and its text."""

    PREFIX: ClassVar[str] = "notice"
    key: str
    at: str
    text: str = ""


Record = TypeVar("Record", Approval, Attempt, Hold, Notice)


@dataclass
class Records:
    """All that the ledger knows of one endpoint, in the order of the keys."""

    approvals: list[Approval] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    @property
    def hold(self) -> Hold | None:
        """The hold in force, or None."""
        last = self.holds[-1] if self.holds else None
        return last if last and last.held else None

    @property
    def open_attempt(self) -> Attempt | None:
        """The attempt whose outcome is not known yet, or None."""
        return next((attempt for attempt in reversed(self.attempts) if attempt.outcome == OPEN), None)


class LedgerError(ValueError):
    """A hold or release that makes no sense; the text says why."""


class Ledger:
    """The ledger table; `client` is a boto3 DynamoDB client."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def read(self, endpoint_name: str) -> Records:
        """Everything about one endpoint, read consistently."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": _partition(endpoint_name)}},
        )
        items = [item for page in pages for item in page["Items"]]
        return Records(_of(Approval, items), _of(Attempt, items), _of(Hold, items), _of(Notice, items))

    def add_approval(self, endpoint_name: str, approval: Approval) -> None:
        """Record an approval status. Recording the same one again changes nothing."""
        self._add(endpoint_name, approval)

    def add_attempt(self, endpoint_name: str, attempt: Attempt) -> bool:
        """Record an attempt; False if another writer has taken its number: then read again."""
        return self._add(endpoint_name, attempt)

    def close_attempt(self, endpoint_name: str, attempt: Attempt, outcome: str, reason: str, at: str) -> Attempt:
        """Record how an open attempt ended; one that is closed already keeps the outcome it has."""
        closed = replace(attempt, outcome=outcome, reason=reason, ended_at=at)
        condition = {"ConditionExpression": "outcome = :open", "ExpressionAttributeValues": {":open": {"S": OPEN}}}
        self._conditionally({**self._put(endpoint_name, closed), **condition})
        return closed

    def add_notice(self, endpoint_name: str, notice: Notice) -> None:
        """Remember that a notification was sent."""
        self._add(endpoint_name, notice)

    def approve(self, endpoint_name: str, approval: Approval, *, at: str, by: str) -> Approval:
        """Approve a version of the ledger anew, which takes the endpoint to it: this is how a roll back is asked for.

        The version must still be Approved in the model registry to be served. Wake the endpoint afterwards.
        """
        again = replace(approval, status=APPROVED, at=instant(at), source="rollback", by=by)
        again = replace(again, event_id="", config_name="", declaration_id="")
        self._add_now(endpoint_name, again)
        return again

    def hold(self, endpoint_name: str, *, at: str, by: str, reason: str, version: Approval | None = None) -> Hold:
        """Pause an endpoint, or pin it to the version of the approval `version`, until `release`.

        An endpoint that is already held is a LedgerError.
        """
        current = self.read(endpoint_name).hold
        if current:
            since = f"already held since {current.at} ({current.reason})"
            raise LedgerError(f"endpoint {endpoint_name} is {since}: release it first")
        hold = Hold(at=instant(at), held=1, reason=reason, by=by)
        if version:
            hold = replace(hold, package_arn=version.package_arn, created=version.created, version=version.version)
        self._add_now(endpoint_name, hold)
        return hold

    def release(self, endpoint_name: str, *, at: str, by: str, reason: str = "") -> Hold:
        """End the hold in force; an endpoint that is not held is a LedgerError."""
        if not self.read(endpoint_name).hold:
            raise LedgerError(f"endpoint {endpoint_name} is not held: there is nothing to release")
        release = Hold(at=instant(at), held=0, reason=reason, by=by)
        self._add_now(endpoint_name, release)
        return release

    def add_hold(self, endpoint_name: str, hold: Hold) -> None:
        """Record a hold of the hook's own."""
        self._add(endpoint_name, hold)

    def _add_now(self, endpoint_name: str, record: Record) -> None:
        if not self._add(endpoint_name, record):
            raise LedgerError(f"endpoint {endpoint_name} was changed at this very moment: look at it, and try again")

    def _add(self, endpoint_name: str, record: Record) -> bool:
        return self._conditionally(self._put(endpoint_name, record))

    def _put(self, endpoint_name: str, record: Record) -> dict[str, Any]:
        keys = {"pk": {"S": _partition(endpoint_name)}, "sk": {"S": f"{record.PREFIX}#{record.key}"}}
        item = {**_attributes(record), **keys}
        return {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}

    def _conditionally(self, request: dict[str, Any]) -> bool:
        try:
            self._client.put_item(**request)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _partition(endpoint_name: str) -> str:
    return f"endpoint#{endpoint_name}"


def _attributes(record: Record) -> dict[str, dict[str, str]]:
    values = asdict(record).items()
    return {name: {"N": str(value)} if isinstance(value, int) else {"S": value} for name, value in values}


def _of(kind: type[Record], items: list[dict[str, dict[str, str]]]) -> list[Record]:
    prefix = f"{kind.PREFIX}#"
    names = {field.name for field in fields(kind)}
    return [
        kind(**{name: _value(value) for name, value in item.items() if name in names})
        for item in items
        if item["sk"]["S"].startswith(prefix)
    ]


def _value(attribute: dict[str, str]) -> Any:
    return int(attribute["N"]) if "N" in attribute else attribute["S"]
