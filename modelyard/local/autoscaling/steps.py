"""Step scaling: the capacity that a breach of so much calls for, see
https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
"""

from __future__ import annotations

import itertools
import math
from typing import Any

from modelyard.local.sagemaker.errors import ValidationException

__all__ = ["capacity_for", "check"]

_INFINITY = math.inf


def check(configuration: dict[str, Any]) -> None:
    """Raise ``ValidationException`` for steps that overlap, leave a gap or are of no type."""
    if not configuration.get("AdjustmentType"):
        raise ValidationException("AdjustmentType must be specified for a step scaling policy.")
    if not configuration.get("StepAdjustments"):
        raise ValidationException("There must be at least one step adjustment.")
    bounds = sorted(_bounds(step) for step in configuration["StepAdjustments"])
    for low, high in bounds:
        if low >= high:
            raise ValidationException("A step adjustment's lower bound must be less than its upper bound.")
    for (_low, end), (start, _high) in itertools.pairwise(bounds):
        if end != start:
            words = "overlap" if start < end else "have a gap between them"
            raise ValidationException(
                f"Step adjustment intervals can't {words}: one ends at {end}, one begins at {start}."
            )


def capacity_for(configuration: dict[str, Any], capacity: int, breach: float) -> int | None:
    """The capacity when a metric is ``breach`` over its alarm's threshold (under it: negative); None in no step."""
    for step in configuration["StepAdjustments"]:
        low, high = _bounds(step)
        # A positive breach is at or over a step's lower bound, a negative one at or under its upper bound.
        if (low <= breach < high) if breach >= 0 else (low < breach <= high):
            return _adjusted(configuration, capacity, step["ScalingAdjustment"])
    return None


def _adjusted(configuration: dict[str, Any], capacity: int, adjustment: int) -> int:
    kind = configuration["AdjustmentType"]
    if kind == "ExactCapacity":
        return adjustment
    if kind == "ChangeInCapacity":
        return capacity + adjustment
    change = capacity * adjustment / 100
    # "Values greater than 1 are rounded down, values between 0 and 1 to 1", and so below zero.
    whole = math.copysign(max(1, math.floor(abs(change))), change) if change else 0
    least = configuration.get("MinAdjustmentMagnitude") or 1
    return capacity + int(math.copysign(max(abs(whole), least), whole) if whole else 0)


def _bounds(step: dict[str, Any]) -> tuple[float, float]:
    low, high = step.get("MetricIntervalLowerBound"), step.get("MetricIntervalUpperBound")
    return (-_INFINITY if low is None else low), (_INFINITY if high is None else high)
