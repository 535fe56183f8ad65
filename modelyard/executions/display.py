"""How commands show an execution: on a terminal a live table of its steps, elsewhere a line for every change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from modelyard.executions.execution import Execution, Step
from modelyard.executions.follow import Sighting
from modelyard.executions.pipeline import Summary

__all__ = ["Steps", "say", "show", "steps_table", "summaries_table"]

_MARKS = {
    "Succeeded": ("✓", "green"),
    "Failed": ("✗", "red"),
    "Stopped": ("■", "red"),
    "Executing": ("…", "yellow"),
}


def show(sightings: Iterable[Sighting], console: Console) -> Execution:
    """Show what is seen until the end, and return the execution as it was seen last."""
    seen: Execution | None = None
    said: dict[str, str] = {}
    trouble = ""
    with Live(console=console, refresh_per_second=8) if console.is_terminal else nullcontext() as live:
        for sighting in sightings:
            if sighting.trouble and sighting.trouble != trouble:
                say(console, f"cannot look just now: {sighting.trouble}")
            trouble = sighting.trouble
            seen = sighting.execution or seen
            if live and seen:
                live.update(Steps(seen))
            if not live and sighting.execution:
                _say_changes(console, sighting.execution, said, ended=False)
            for line in sighting.lines:
                say(console, str(line))
            if not live and sighting.execution:
                _say_changes(console, sighting.execution, said, ended=True)
    if seen is None:
        raise AssertionError("the sightings ended without an execution")
    return seen


class Steps:
    """The table of an execution's steps; the times of those that run go on each time it is drawn."""

    def __init__(self, execution: Execution) -> None:
        self.execution = execution

    def __rich__(self) -> Table:
        return steps_table(self.execution, datetime.now(UTC))


def steps_table(execution: Execution, now: datetime) -> Table:
    """The steps that have started, with what became of them and how long that took."""
    table = Table("", "step", "status", "s", box=None, padding=(0, 2))
    for step in execution.steps:
        mark, style = _MARKS.get(step.status, (" ", ""))
        seconds = _seconds(step, now)
        table.add_row(
            Text(mark, style=style), Text(step.name), Text(_status(step)), "" if seconds is None else f"{seconds:.1f}"
        )
    return table


def summaries_table(summaries: Sequence[Summary]) -> Table:
    """The answer of `executions` as a table."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("execution", "status", "started (UTC)", "took", "version", "parameters", "why"):
        table.add_column(column, overflow="fold", no_wrap=column not in ("parameters", "why"))
    for item in summaries:
        parameters = " ".join(f"{name}={value}" for name, value in item.parameters.items())
        cells = (
            *(item.id, item.status, item.started[:19].replace("T", " "), f"{item.seconds:.1f} s"),
            *(str(item.version or ""), parameters, " ".join(f"{item.description} {item.reason}".split())),
        )
        table.add_row(*(Text(cell) for cell in cells))
    return table


def say(console: Console, text: str) -> None:
    """Print a line as it is, however long."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _say_changes(console: Console, execution: Execution, said: dict[str, str], *, ended: bool) -> None:
    """A line for each step that stands otherwise than was said; what a step logged comes before its end."""
    for step in execution.steps:
        if bool(step.ended) == ended and said.get(step.name) != step.status:
            said[step.name] = step.status
            say(console, " ".join(_sentence(step)))


def _sentence(step: Step) -> Iterator[str]:
    yield f"{step.name}: {_status(step)}"
    seconds = _seconds(step, datetime.now(UTC))
    if step.ended and seconds is not None:
        yield f"after {seconds:.1f} s"


def _status(step: Step) -> str:
    outcome = step.metadata.get("Condition", {}).get("Outcome")
    return step.status + (f" ({outcome})" if outcome else "") + (" (cached)" if step.cached_from else "")


def _seconds(step: Step, now: datetime) -> float | None:
    return max(0.0, ((step.ended or now) - step.started).total_seconds()) if step.started else None
