"""How commands show an endpoint: a line for every change, and on a terminal a live picture of the rollout."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from modelyard.approvals.endpoint import View
from modelyard.approvals.progress import Goal, Outcome, Sighting
from modelyard.lambdas.serving.ledger import CAPACITY
from modelyard.lambdas.serving.steps import State, Wish

__all__ = ["picture", "sentence", "show", "variant"]

_WORDS = {
    State.ABSENT: "there is no endpoint yet: it is about to be created",
    State.DELETING: "the endpoint is being deleted",
    State.FAILED: "the endpoint failed: it is about to be deleted",
    State.MIXED: "old and new instances serve side by side: the approval hook is about to hold the endpoint",
    State.MIXED_RELEASED: "old and new instances serve side by side: an update is about to be made",
}


def show(sightings: Iterable[Sighting], goal: Goal, console: Console) -> Outcome:
    """Show what is seen until the outcome, and return that."""
    said = ""
    with Live(console=console, transient=True, auto_refresh=console.is_terminal) as live:
        for sighting in sightings:
            now = sentence(sighting, goal)
            if now != said:
                console.print(now, markup=False, highlight=False, soft_wrap=True)
                said = now
            if console.is_terminal and sighting.view:
                live.update(Group(picture(sighting.view), Spinner("dots", now)))
            if sighting.outcome:
                return sighting.outcome
    raise AssertionError("the sightings ended without an outcome")


def sentence(sighting: Sighting, goal: Goal) -> str:
    """What goes on, in one line that changes only when something changes."""
    view = sighting.view
    if view is None:
        return f"cannot look just now: {sighting.trouble}"
    if sighting.outcome:
        return f"{view.status}: {_name(view, view.serving_config) or 'no version'} serves"
    if not goal.heard(view.records):
        return "waiting until the approval hook hears of it (should the event be lost, within 15 minutes)"
    if view.unexplained:
        return f"{view.status}: the attempt has failed, and the approval hook is about to say why"
    if view.wish is Wish.BACKING_OFF:
        reasons = [item.reason for item in view.records.attempts if item.outcome == CAPACITY]
        return f"SageMaker has no capacity; it is tried again every so often: {reasons[-1]}"
    if view.state is State.BUSY:
        return _busy(view)
    if view.state is State.IN_SERVICE:
        return "the endpoint is InService: the approval hook is about to update it"
    return _WORDS[view.state]


def picture(view: View) -> Table:
    """Endpoint, state, versions and the rollout of each variant."""
    table = Table.grid(padding=(0, 2))
    for name, value in _rows(view):
        table.add_row(Text(name, style="bold"), Text(value))
    return table


def variant(each: dict[str, Any]) -> str:
    """One variant of a PendingDeploymentSummary."""
    counts = f"{each.get('CurrentInstanceCount', 0)} of {each.get('DesiredInstanceCount', 0)} instances"
    weights = f"weight {each.get('CurrentWeight', 0):g} of {each.get('DesiredWeight', 0):g}"
    states = [
        ": ".join(filter(None, [one.get("Status"), one.get("StatusMessage")])) for one in each.get("VariantStatus", [])
    ]
    return "; ".join([f"{each['VariantName']} {counts}", weights, *states])


def _rows(view: View) -> Iterable[tuple[str, str]]:
    yield "endpoint", view.declared.declaration.endpoint_name
    yield "state", view.status
    yield "serves", _name(view, view.serving_config) or "nothing"
    if view.coming_config:
        yield "coming", _name(view, view.coming_config)
    for each in view.rollout.get("ProductionVariants", []):
        yield "rollout", variant(each)
    if view.records.hold:
        yield "held", f"since {view.records.hold.at}: {view.records.hold.reason}"


def _busy(view: View) -> str:
    coming = _name(view, view.coming_config)
    serving = _name(view, view.serving_config)
    parts = [f"{coming} is coming up" if coming else "", f"{serving} serves meanwhile" if serving else ""]
    return f"{view.status}: {', '.join(filter(None, parts)) or 'SageMaker is at work'}"


def _name(view: View, config_name: str) -> str:
    _, version = view.package_of(config_name)
    return f"version {version} ({config_name})" if version else config_name
