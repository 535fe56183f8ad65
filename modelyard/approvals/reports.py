"""What `history` and `status` tell, as data and as tables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from modelyard import names
from modelyard.approvals.connection import Connection
from modelyard.approvals.endpoint import ProjectEndpoint, View, concluded, unknown
from modelyard.lambdas.serving import endpoints
from modelyard.lambdas.serving.declaration import DeclarationError
from modelyard.lambdas.serving.instants import seconds_between
from modelyard.lambdas.serving.ledger import ADOPTED, OPEN, Approval, Attempt, Hold, Records
from modelyard.lambdas.serving.steps import Endpoint
from modelyard.lambdas.serving.wake import DECLARED, HEARTBEAT

__all__ = ["Happening", "Standing", "history", "history_table", "status", "status_table"]

_SOURCES = {
    "event": "approval event",
    "rollback": "approved anew",
    HEARTBEAT: "seen by the heartbeat",
    DECLARED: "seen when declared",
    ADOPTED: "found live",
}


_NARROW = {"asked (UTC)", "version", "outcome", "took", "project", "endpoint", "desired", "serves", "coming"}


@dataclass(frozen=True)
class Happening:
    """One line of an endpoint's history: an attempt to serve a version, a hold, or its release.

    `event_id` is of the event that led to the attempt, `source` how the approval behind it came to be known, `by` who
    made it where a command did; `seconds` is how long it took, or takes so far.
    """

    at: str
    version: int
    package_arn: str
    outcome: str
    source: str
    by: str
    event_id: str
    reason: str
    ended_at: str
    seconds: float | None


@dataclass(frozen=True)
class Standing:
    """How an endpoint stands. `desired` and `serving` are versions, None where there is none; `problem` says why
    nothing could be seen."""

    project: str
    endpoint: str
    state: str = ""
    desired: int | None = None
    serving: int | None = None
    serving_config: str = ""
    coming: int | None = None
    hold: dict[str, Any] | None = None
    last_attempt: dict[str, Any] | None = None
    problem: str = ""


def history(connection: Connection, project: str) -> list[Happening]:
    """What happened to a project's endpoint, the oldest first; also of one that is no longer declared.

    Raises:
        ApprovalError: the ledger knows no such endpoint and none is declared.
    """
    declared = connection.declarations()
    if project in declared:
        name = ProjectEndpoint.read(connection, project, declared[project]).name
    else:
        name = names.resource_name(connection.stage, project)
    records = connection.runtime.ledger.read(name)
    if project not in declared and records == Records():
        raise unknown(connection.stage, project, declared)
    live = endpoints.describe(connection.client("sagemaker"), name) if records.open_attempt else None
    now = connection.moment()
    attempts = [_attempt(item, records.approvals, live, now) for item in records.attempts]
    holds = [_hold(item) for item in records.holds]
    return sorted([*attempts, *holds], key=lambda item: item.at)


def status(connection: Connection, project: str = "") -> list[Standing]:
    """How a project's endpoint stands, or how each declared one of the stage does.

    Raises:
        ApprovalError: the project has none.
    """
    if project:
        endpoint = ProjectEndpoint.find(connection, project)
        return [_standing(endpoint.project, endpoint.look())]
    return [_any_standing(connection, *each) for each in connection.declarations().items()]


def history_table(happenings: Iterable[Happening]) -> Table:
    """The history as a table."""
    table = _table("asked (UTC)", "version", "outcome", "took", "why", "by", "reason")
    for item in happenings:
        took = "" if item.seconds is None else f"{item.seconds:.1f} s"
        version = str(item.version) if item.version else ""
        why = f"{item.source} {item.event_id[:8]}" if item.event_id else item.source
        reason = " ".join(item.reason.split())
        _add(table, _second(item.at), version, item.outcome, took, why, _short(item.by), reason)
    return table


def status_table(standings: Iterable[Standing]) -> Table:
    """How endpoints stand, as a table."""
    table = _table("project", "endpoint", "desired", "serves", "coming", "held", "last attempt")
    for item in standings:
        last = item.last_attempt or {}
        attempt = (
            " ".join(filter(None, [f"version {last['version']}", last["outcome"], last["reason"]])) if last else ""
        )
        held = f"{item.hold['at']} {item.hold['reason']}" if item.hold else ""
        numbers = [str(number or "") for number in (item.desired, item.serving, item.coming)]
        _add(table, item.project, item.problem or item.state, *numbers, held, attempt)
    return table


def _attempt(attempt: Attempt, approvals: list[Approval], live: Endpoint | None, now: str) -> Happening:
    seen = concluded(attempt, live)
    approval = next((item for item in approvals if item.key == attempt.approval), None)
    source = approval.source if approval else ""
    return Happening(
        at=attempt.asked_at,
        version=attempt.version,
        package_arn=attempt.package_arn,
        outcome="going on" if seen.outcome == OPEN else seen.outcome,
        source=_SOURCES.get(source, source),
        by=approval.by if approval else "",
        event_id=attempt.event_id,
        reason=seen.reason,
        ended_at=seen.ended_at,
        seconds=seconds_between(attempt.asked_at, seen.ended_at or now),
    )


def _hold(hold: Hold) -> Happening:
    return Happening(
        at=hold.at,
        version=hold.version,
        package_arn=hold.package_arn,
        outcome=("pinned" if hold.package_arn else "held") if hold.held else "released",
        source=hold.trigger,
        by=hold.by,
        event_id="",
        reason=hold.reason,
        ended_at="",
        seconds=None,
    )


def _any_standing(connection: Connection, project: str, parameter_name: str) -> Standing:
    """How an endpoint stands; one whose declaration cannot be read does not hide the others."""
    try:
        return _standing(project, ProjectEndpoint.read(connection, project, parameter_name).look())
    except DeclarationError as error:
        return Standing(project, endpoint="", problem=str(error))


def _standing(project: str, view: View) -> Standing:
    hold, last = view.records.hold, view.last_attempt
    _, serving = view.package_of(view.serving_config)
    _, coming = view.package_of(view.coming_config)
    return Standing(
        project=project,
        endpoint=view.declared.declaration.endpoint_name,
        state=view.status,
        desired=view.target.approval.version or None if view.target else None,
        serving=serving or None,
        serving_config=view.serving_config,
        coming=coming or None,
        hold={"at": hold.at, "by": hold.by, "reason": hold.reason, "version": hold.version or None} if hold else None,
        last_attempt=asdict(last) if last else None,
    )


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in _NARROW)
    return table


def _add(table: Table, *cells: str) -> None:
    table.add_row(*(Text(cell) for cell in cells))


def _second(at: str) -> str:
    """A moment of the ledger as people read it; UTC."""
    return at[:19].replace("T", " ")


def _short(text: str) -> str:
    """Identities without partition, service and account: `assumed-role/Admin/jane`."""
    return re.sub(r"\barn:([^:\s]*:){4}", "", text)
