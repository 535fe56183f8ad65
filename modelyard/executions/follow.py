"""Looks at an execution until it has ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from modelyard.executions.execution import Execution, Step, look
from modelyard.executions.jobs import Client
from modelyard.executions.logs import Line, Tail
from modelyard.lambdas.serving.errors import Meaning, meaning

__all__ = ["Sighting", "follow", "logged"]

_FIRST_PAUSE = 0.25  # seconds between looks, growing
_LONGEST_PAUSE = 3.0
# CloudWatch Logs shows a line a moment after it was written.
_LATEST_LINE = 10.0  # seconds after the end of a step
_LAST_PAUSE = 1.0
_LAST_LOOKS = 3


@dataclass(frozen=True)
class Sighting:
    """One look: the execution, what its jobs have logged since the last one, and what kept from seeing all of that."""

    execution: Execution | None = None
    lines: tuple[Line, ...] = ()
    trouble: str = ""


def follow(client: Client, arn: str, only: str = "", pause: Callable[[float], None] = time.sleep) -> Iterator[Sighting]:
    """Look at an execution until it has ended, and then for its last log lines.

    Lost connections and throttling do not end it.

    Args:
        client: gives the boto3 client of a service.
        arn: of the execution.
        only: the step whose log lines are wanted. Default: those of every step that runs itself.
        pause: waits so many seconds.
    """
    logs, seconds = _Logs(Tail(client), only), _FIRST_PAUSE
    while True:
        sighting = _look(client, arn, logs)
        yield sighting
        if sighting.execution and sighting.execution.ended:
            break
        pause(seconds)
        seconds = min(seconds * 1.1, _LONGEST_PAUSE)
    for _ in range(_LAST_LOOKS):
        if not logs.awaited:
            return
        pause(_LAST_PAUSE)
        sighting = _look(client, arn, logs)
        yield sighting
        if not sighting.trouble and not sighting.lines:
            return


def logged(client: Client, execution: Execution, only: str = "") -> Iterator[Line]:
    """What the jobs of an execution have logged until now, step by step; `only` is as in `follow`."""
    tail = Tail(client)
    for step in execution.steps:
        if _is_wanted(step, only):
            yield from tail.read(step)


@dataclass
class _Logs:
    """New log lines of the steps that run or have just ended."""

    tail: Tail
    only: str
    awaited: bool = False
    """Whether a step has ended so lately that a line may yet come."""
    _ended: dict[str, float] = field(default_factory=dict)

    def read(self, execution: Execution) -> Iterator[Line]:
        steps = [step for step in execution.steps if _is_wanted(step, self.only) and not self._is_over(step)]
        for step in steps:
            yield from self.tail.read(step)
        self.awaited = bool(self.tail.jobs and steps)

    def _is_over(self, step: Step) -> bool:
        key, now = f"{step.name} {step.metadata}", time.monotonic()
        return bool(step.ended) and now - self._ended.setdefault(key, now) > _LATEST_LINE


def _look(client: Client, arn: str, logs: _Logs) -> Sighting:
    execution, lines, trouble = None, [], ""
    try:
        execution = look(client("sagemaker"), arn)
        for line in logs.read(execution):
            lines.append(line)  # what was read stays read, should the next call fail
    except Exception as error:
        if meaning(error) is not Meaning.TRANSIENT:
            raise
        trouble = str(error)
    return Sighting(execution, tuple(lines), trouble)


def _is_wanted(step: Step, only: str) -> bool:
    """A step that took an earlier result has run in another execution: its log is shown only when it is asked for."""
    return step.name == only if only else not step.cached_from
