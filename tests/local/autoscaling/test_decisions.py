"""How many instances a policy calls for: by a table for each kind of policy."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.local.autoscaling.decisions import Situation, wanted_capacity

TRACKING = {
    "PolicyType": "TargetTrackingScaling",
    "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 100.0, "ScaleOutCooldown": 60, "ScaleInCooldown": 120},
}
DEFAULT_COOLDOWNS = {
    "PolicyType": "TargetTrackingScaling",
    "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 100.0},
}
STEPS = {
    "PolicyType": "StepScaling",
    "StepScalingPolicyConfiguration": {
        "AdjustmentType": "ChangeInCapacity",
        "Cooldown": 60,
        "StepAdjustments": [
            {"MetricIntervalUpperBound": 0, "ScalingAdjustment": -1},
            {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 50, "ScalingAdjustment": 1},
            {"MetricIntervalLowerBound": 50, "ScalingAdjustment": 3},
        ],
    },
}
NOW = 1_800_000_000.0


def scaled(before: int, desired: int, seconds_ago: float) -> dict[str, Any]:
    return {"_before": before, "_desired": desired, "EndTime": NOW - seconds_ago}


def wanted(policy: dict[str, Any], current: int, value: float, **more: Any) -> int:
    return wanted_capacity(policy, Situation(current=current, value=value, threshold=100.0, now=NOW, **more))


@pytest.mark.parametrize(
    ("current", "value", "capacity"),
    [
        (1, 100.0, 1),
        (1, 101.0, 2),
        (1, 450.0, 5),
        (2, 450.0, 9),
        (4, 89.0, 4),
        (4, 70.0, 3),
        (4, 10.0, 1),
        (4, 0.0, 0),
        # 3 x 110 / 110 is 3.0000000000000004 by floating point.
        (3, 100.00000000000001, 3),
    ],
)
def test_target_tracking_brings_the_metric_to_its_target(current: int, value: float, capacity: int) -> None:
    assert wanted(TRACKING, current, value) == capacity


@pytest.mark.parametrize(
    ("policy", "last", "current", "value", "capacity"),
    [
        # Scaled out from 2 to 4 half a minute ago: only what needs more than 4 from 2 adds more.
        (TRACKING, scaled(2, 4, 30), 4, 150.0, 4),
        (TRACKING, scaled(2, 4, 30), 4, 200.0, 4),
        (TRACKING, scaled(2, 4, 30), 4, 300.0, 6),
        (TRACKING, scaled(2, 4, 61), 4, 150.0, 6),
        # A scale-in waits for the cooldown of a scale-in, not for that of a scale-out.
        (TRACKING, scaled(4, 3, 30), 3, 10.0, 3),
        (TRACKING, scaled(4, 3, 121), 3, 10.0, 1),
        (TRACKING, scaled(2, 4, 30), 4, 10.0, 1),
        # "if another alarm triggers a scale out activity during the scale-in cooldown": at once.
        (TRACKING, scaled(4, 3, 30), 3, 200.0, 6),
        # Without cooldowns given they are 300 seconds.
        (DEFAULT_COOLDOWNS, scaled(2, 4, 299), 4, 150.0, 4),
        (DEFAULT_COOLDOWNS, scaled(2, 4, 301), 4, 150.0, 6),
        (DEFAULT_COOLDOWNS, scaled(4, 3, 299), 3, 10.0, 3),
        # A step scaling policy has one cooldown for both directions.
        (STEPS, scaled(2, 3, 30), 3, 120.0, 3),
        (STEPS, scaled(2, 3, 30), 3, 170.0, 5),
        (STEPS, scaled(2, 3, 61), 3, 120.0, 4),
        (STEPS, scaled(4, 3, 30), 3, 90.0, 3),
        (STEPS, scaled(4, 3, 61), 3, 90.0, 2),
    ],
)
def test_cooldowns_hold_back_what_they_are_for(
    policy: dict[str, Any], last: dict[str, Any], current: int, value: float, capacity: int
) -> None:
    assert wanted(policy, current, value, last=last) == capacity


def test_the_clock_factor_shortens_cooldowns() -> None:
    assert wanted(TRACKING, 4, 150.0, last=scaled(2, 4, 2), factor=60.0) == 6
    assert wanted(TRACKING, 4, 150.0, last=scaled(2, 4, 0.9), factor=60.0) == 4


@pytest.mark.parametrize(
    ("others", "capacity"),
    [
        ((), 1),
        ((({"TargetValue": 10.0}, 5.0),), 2),
        ((({"TargetValue": 10.0}, 20.0),), 4),
        ((({"TargetValue": 10.0}, 5.0), ({"TargetValue": 10.0}, 7.5)), 3),
        # One that does not know its metric is not ready to scale in.
        ((({"TargetValue": 10.0}, None),), 4),
    ],
)
def test_scale_in_goes_as_far_as_every_policy_is_ready_for(others: Any, capacity: int) -> None:
    assert wanted(TRACKING, 4, 10.0, others=others) == capacity
