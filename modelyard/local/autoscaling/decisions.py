"""How many instances a scaling policy calls for, worked out of what is known; bounds aside.

The rules of cooldowns are those of
https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from modelyard.local.autoscaling import steps, tracking
from modelyard.local.sagemaker.context import Record

__all__ = ["CONFIGURATIONS", "Situation", "wanted_capacity"]

CONFIGURATIONS = {
    "TargetTrackingScaling": "TargetTrackingScalingPolicyConfiguration",
    "StepScaling": "StepScalingPolicyConfiguration",
}
# "The default value is 300" for production variants:
# https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingScalingPolicyConfiguration.html
_COOLDOWN = 300


@dataclass(frozen=True)
class Situation:
    """What a policy decides on, the moment that an alarm of ``threshold`` invokes it with ``value`` of its metric.

    ``others`` are the configurations of the target's other policies that track a target and scale in, each with the
    value of its metric (None: unknown). ``factor`` seconds of a cooldown pass in a real one.
    """

    current: int
    value: float
    threshold: float
    now: float
    factor: float = 1.0
    last: Record | None = None
    others: tuple[tuple[dict[str, Any], float | None], ...] = ()


def wanted_capacity(policy: Record, situation: Situation) -> int:
    """The capacity that ``policy`` calls for.

    In the cooldown of a scale-out it is worked out from the capacity before that, so that only a larger scale-out adds
    more; in the cooldown of a scale-in nothing scales in.
    """
    current, last = situation.current, situation.last
    wanted = _called_for(policy, situation, current)
    if last is None or wanted == current or not _cooling(policy, situation, last, out=wanted > current):
        return wanted
    return max(current, _called_for(policy, situation, last["_before"])) if wanted > current else current


def _called_for(policy: Record, situation: Situation, current: int) -> int:
    configuration = policy[CONFIGURATIONS[policy["PolicyType"]]]
    if policy["PolicyType"] == "StepScaling":
        stepped = steps.capacity_for(configuration, current, situation.value - situation.threshold)
        return current if stepped is None else stepped
    wanted = tracking.capacity_for(current, situation.value, configuration["TargetValue"])
    return wanted if wanted >= current else _agreed(situation.others, current, wanted)


def _agreed(others: Iterable[tuple[dict[str, Any], float | None]], current: int, wanted: int) -> int:
    # "It will scale in only if all of the target tracking policies (with the scale-in portion enabled) are ready to."
    for configuration, value in others:
        needed = current if value is None else tracking.capacity_for(current, value, configuration["TargetValue"])
        wanted = min(current, max(wanted, needed))
    return wanted


def _cooling(policy: Record, situation: Situation, last: Record, *, out: bool) -> bool:
    """Whether the cooldown of ``last`` has not passed, where it was a scaling in the same direction."""
    if (last["_desired"] > last["_before"]) != out:
        return False
    name = "Cooldown" if policy["PolicyType"] == "StepScaling" else f"Scale{'Out' if out else 'In'}Cooldown"
    seconds = float(policy[CONFIGURATIONS[policy["PolicyType"]]].get(name, _COOLDOWN))
    return situation.now < float(last["EndTime"]) + seconds / situation.factor
