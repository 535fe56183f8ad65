"""CPU and wall time of whole processes, taken in turn, so that a drift of the machine's speed meets both sides."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["ROUNDS", "Times", "cpu_seconds", "in_turn", "report"]

ROUNDS = 5


@dataclass(frozen=True)
class Times:
    """Seconds of each counted round."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        return (
            f"{self.median:8.3f} s  (min {min(self.seconds):.3f}, max {max(self.seconds):.3f}, n {len(self.seconds)})"
        )


def cpu_seconds(command: Sequence[str], env: Mapping[str, str] | None = None, cwd: str | None = None) -> float:
    """User and system seconds of ``command`` and the children it waited for; raises where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        command, env={**os.environ, **(env or {})}, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with code {done.returncode}:\n{done.stderr[-2000:]}")
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def in_turn(sides: Mapping[str, Callable[[], float]], rounds: int = ROUNDS) -> dict[str, Times]:
    """Call each side once uncounted, then ``rounds`` times in turn (A B A B …)."""
    for side in sides.values():
        side()
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            taken[name].append(side())
    return {name: Times(tuple(seconds)) for name, seconds in taken.items()}


def wall(function: Callable[[], object]) -> float:
    """Wall seconds of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def report(title: str, times: Mapping[str, Times], figure: float, unit: str, target: float) -> None:
    """Print every side, then the figure beside its target."""
    print(f"\n{title}")
    for name, side in times.items():
        print(f"  {name:<46} {side}")
    print(f"  => {figure:.3f} {unit}; target ≤ {target:g}: {'met' if figure <= target else 'MISSED'}")
