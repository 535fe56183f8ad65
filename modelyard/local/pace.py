"""How fast AWS's time passes in the local AWS.

A clock factor of 60 lets a minute of AWS's time (a metric's period, a cooldown, a bake) pass in one second. Time stamps
stay real: only durations are shortened.
"""

from __future__ import annotations

import os

from modelyard.local.errors import LocalError

__all__ = ["VARIABLE", "clock_factor", "real_seconds"]

VARIABLE = "MODELYARD_CLOCK_FACTOR"
_MOST = 600.0


def clock_factor() -> float:
    """How many seconds of AWS's time pass in a second: the variable ``MODELYARD_CLOCK_FACTOR``, else 1.

    Raises LocalError for anything but a number from 1 to 600.
    """
    text = os.environ.get(VARIABLE) or "1"
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 1.0 <= factor <= _MOST:
        raise LocalError(f"{VARIABLE} is {text!r}: write a number from 1 to {_MOST:.0f}, or leave it out for real time")
    return factor


def real_seconds(seconds: float) -> float:
    """How long ``seconds`` of AWS's time take here."""
    return seconds / clock_factor()
