from __future__ import annotations

from typing import Any

import pytest

from modelyard.local.autoscaling.steps import capacity_for, check
from modelyard.local.sagemaker.errors import ValidationException


def step(low: float | None, high: float | None, adjustment: int) -> dict[str, Any]:
    bounds = {"MetricIntervalLowerBound": low, "MetricIntervalUpperBound": high}
    return {**{name: bound for name, bound in bounds.items() if bound is not None}, "ScalingAdjustment": adjustment}


def configuration(kind: str, *adjustments: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"AdjustmentType": kind, "StepAdjustments": list(adjustments), **more}


# The example of the user guide: 10 % between 10 and 20 over the threshold, 30 % from 20 on; likewise below.
PERCENT = configuration(
    "PercentChangeInCapacity",
    step(0, 10, 0),
    step(10, 20, 10),
    step(20, None, 30),
    step(-10, 0, 0),
    step(-20, -10, -10),
    step(None, -20, -30),
)
CHANGE = configuration("ChangeInCapacity", step(0, 20, 1), step(20, None, 2))


@pytest.mark.parametrize(
    ("given", "capacity", "breach", "wanted"),
    [
        (PERCENT, 10, 0, 10),
        (PERCENT, 10, 10, 11),
        (PERCENT, 11, 20, 14),
        (PERCENT, 10, -10, 9),
        (PERCENT, 10, -20.5, 7),
        # A change of less than one instance is one.
        (PERCENT, 2, 10, 3),
        (PERCENT, 2, -11, 1),
        (CHANGE, 3, 19.9, 4),
        (CHANGE, 3, 20, 5),
        (CHANGE, 3, -1, None),
        (configuration("ExactCapacity", step(0, None, 7)), 3, 1, 7),
        (configuration("PercentChangeInCapacity", step(0, None, 10), MinAdjustmentMagnitude=3), 10, 1, 13),
        (configuration("PercentChangeInCapacity", step(None, 0, -10), MinAdjustmentMagnitude=3), 10, -1, 7),
    ],
)
def test_the_step_of_the_breach_adjusts(
    given: dict[str, Any], capacity: int, breach: float, wanted: int | None
) -> None:
    assert capacity_for(given, capacity, breach) == wanted


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (configuration("ChangeInCapacity"), "There must be at least one step adjustment."),
        (
            {"StepAdjustments": [step(0, None, 1)]},
            "AdjustmentType must be specified for a step scaling policy.",
        ),
        (
            configuration("ChangeInCapacity", step(0, 10, 1), step(20, None, 1)),
            "Step adjustment intervals can't have a gap between them: one ends at 10, one begins at 20.",
        ),
        (
            configuration("ChangeInCapacity", step(0, 10, 1), step(5, None, 1)),
            "Step adjustment intervals can't overlap: one ends at 10, one begins at 5.",
        ),
        (
            configuration("ChangeInCapacity", step(10, 10, 1)),
            "A step adjustment's lower bound must be less than its upper bound.",
        ),
    ],
)
def test_steps_that_make_no_sense_are_refused(given: dict[str, Any], error: str) -> None:
    with pytest.raises(ValidationException) as raised:
        check(given)
    assert str(raised.value) == error
