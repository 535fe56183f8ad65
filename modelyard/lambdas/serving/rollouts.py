"""Rollouts: how an update moves an endpoint to another version, and what of a declaration says so. Pure.

The rules are SageMaker's: https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .checks import NUMBER, OPTIONAL_NUMBER, TEXT, DeclarationError, Kinds, check, check_range

_WAIT = (0, 3600)  # seconds
_TIMEOUT = (600, 28800)
_COMMON: dict[str, tuple[int, int]] = {"wait_seconds": _WAIT, "bake_seconds": _WAIT, "timeout_seconds": _TIMEOUT}
# What each type takes, from the least to the most.
RULES: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "all_at_once": {"bake_seconds": _WAIT, "timeout_seconds": _TIMEOUT},
    "canary": {"percent": (1, 50), **_COMMON},
    "linear": {"percent": (10, 50), **_COMMON},
    "rolling": {"percent": (5, 50), "wait_seconds": _WAIT, "rollback_percent": (5, 100), "timeout_seconds": _TIMEOUT},
}
_NEEDED = {"percent", "wait_seconds"}
_NO_GUARDRAILS = "ml.inf1."


@dataclass(frozen=True)
class Rollout:
    """How traffic moves: `percent` of the capacity at a time, `wait_seconds` between, `bake_seconds` at the end."""

    type: str = "all_at_once"
    percent: int | None = None
    wait_seconds: int | None = None
    bake_seconds: int | None = None
    rollback_percent: int | None = None
    timeout_seconds: int | None = None

    def waits(self, instances: int) -> int:
        """Seconds that the rollout of so many instances waits in all, launching them not counted."""
        percent, wait, bake = self.percent or 100, self.wait_seconds or 0, self.bake_seconds or 0
        if self.type == "linear":
            return wait * (math.ceil(100 / percent) - 1) + bake
        if self.type == "rolling":
            return wait * math.ceil(instances / max(1, instances * percent // 100))
        return wait + bake


def parse(value: Mapping[str, Any], instance_type: str, instances: int, watched: bool, where: str) -> Rollout:
    """The rollout that a declaration's `rollout` names, `watched` by alarms or not; a DeclarationError if none does."""
    value = {key: item for key, item in value.items() if item is not None}
    kind = str(value.get("type"))
    if kind not in RULES:
        raise DeclarationError(f"{where}: type is {value.get('type')!r}; expected one of {', '.join(RULES)}")
    rules = RULES[kind]
    kinds: dict[str, Kinds] = {key: NUMBER if key in _NEEDED else OPTIONAL_NUMBER for key in rules}
    check(value, {"type": TEXT, **kinds}, where)
    for key, (low, high) in rules.items():
        check_range(value.get(key), low, high, f"{where}: {kind}: {key}")
    rollout = Rollout(**value)
    waits = rollout.waits(instances)
    if rollout.timeout_seconds is not None and rollout.timeout_seconds <= waits:
        raise DeclarationError(
            f"{where}: timeout_seconds is {rollout.timeout_seconds}; expected more than the {waits} that {kind} waits"
        )
    if instance_type.startswith(_NO_GUARDRAILS) and (watched or kind != "all_at_once" or rollout.bake_seconds):
        raise DeclarationError(
            f"{where}: {instance_type} has no deployment guardrails; expected all_at_once, no bake_seconds, no alarms"
        )
    return rollout


def deployment_config(rollout: Rollout, alarm_names: Sequence[str]) -> dict[str, Any] | None:
    """UpdateEndpoint's DeploymentConfig, or None where SageMaker's default, all at once and unwatched, is meant."""
    unwatched = not (rollout.bake_seconds or rollout.timeout_seconds or alarm_names)
    if rollout.type == "all_at_once" and unwatched:
        return None
    policy = (
        {"RollingUpdatePolicy": _rolling(rollout)}
        if rollout.type == "rolling"
        else {"BlueGreenUpdatePolicy": _blue_green(rollout)}
    )
    alarms = [{"AlarmName": name} for name in alarm_names]
    return {**policy, **({"AutoRollbackConfiguration": {"Alarms": alarms}} if alarms else {})}


def _blue_green(rollout: Rollout) -> dict[str, Any]:
    routing: dict[str, Any] = {"Type": rollout.type.upper(), "WaitIntervalInSeconds": rollout.wait_seconds or 0}
    size = {"canary": "CanarySize", "linear": "LinearStepSize"}.get(rollout.type)
    if size:
        routing[size] = _percent(rollout.percent)
    policy = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": rollout.bake_seconds or 0}
    return {**policy, **_timeout(rollout)}


def _rolling(rollout: Rollout) -> dict[str, Any]:
    policy = {"MaximumBatchSize": _percent(rollout.percent), "WaitIntervalInSeconds": rollout.wait_seconds or 0}
    if rollout.rollback_percent is not None:
        policy["RollbackMaximumBatchSize"] = _percent(rollout.rollback_percent)
    return {**policy, **_timeout(rollout)}


def _percent(value: int | None) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def _timeout(rollout: Rollout) -> dict[str, int]:
    seconds = rollout.timeout_seconds
    return {} if seconds is None else {"MaximumExecutionTimeoutInSeconds": seconds}
