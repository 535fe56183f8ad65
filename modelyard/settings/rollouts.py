"""How an update may move an endpoint to another version: SageMaker's rules, without the CDK.

The rules: https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html and, for their bounds,
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeploymentConfig.html.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

from modelyard.settings.errors import FieldError
from modelyard.settings.instances import InstanceType

_WAIT = (0, 3600)
_TIMEOUT = (600, 28800)
_COMMON = {"wait_seconds": _WAIT, "bake_seconds": _WAIT, "timeout_seconds": _TIMEOUT}
RULES: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "all_at_once": {"bake_seconds": _WAIT},
    "canary": {"percent": (1, 50), **_COMMON},
    "linear": {"percent": (10, 50), **_COMMON},
    "rolling": {"percent": (5, 50), "wait_seconds": _WAIT, "rollback_percent": (5, 100), "timeout_seconds": _TIMEOUT},
}
"""What each type of rollout takes, from the least to the most."""

_REQUIRED = ("percent", "wait_seconds")
# Beyond the waits, which SageMaker wants exceeded: time to launch a fleet, or one batch of a rolling update.
_LAUNCH_SECONDS = 1800
_DEFAULT_ROLLING_PERCENT = 25
_DEFAULT_ROLLING_WAIT_SECONDS = 300
_NO_GUARDRAILS = "inf1"
_FEWEST_IN_PARTS = 2


@dataclass(frozen=True)
class RolloutPlan:
    """A rollout in numbers; None stands for what was not said.

    Args:
        type: `all_at_once`, `canary`, `linear` or `rolling`.
        percent: of the capacity, that gets the new version first (canary) or at a time (linear, rolling).
        wait_seconds: after each step.
        bake_seconds: until the old fleet ends, once the new one has all the traffic.
        rollback_percent: of the capacity, that a rolling update takes back at a time. Default: all of it.
        timeout_seconds: for all of it, 8 hours at most. Default: half an hour more than it waits in all; of a rolling
            update, which launches its instances batch by batch, half an hour for each batch.

    Raises:
        FieldError: SageMaker takes no such rollout.
    """

    type: str = "all_at_once"
    percent: int | None = None
    wait_seconds: int | None = None
    bake_seconds: int | None = None
    rollback_percent: int | None = None
    timeout_seconds: int | None = None

    def __post_init__(self) -> None:
        if self.type not in RULES:
            raise FieldError("type", f"received {self.type}; allowed: {', '.join(RULES)}")
        rules = RULES[self.type]
        for field in fields(RolloutPlan)[1:]:
            value, bounds = getattr(self, field.name), rules.get(field.name)
            if bounds is None and value is not None:
                raise FieldError(
                    field.name, f"received {value}, which a rollout of type {self.type} does not have; leave it out"
                )
            if bounds and value is None and field.name in _REQUIRED:
                raise FieldError(field.name, f"missing; allowed: {_range(field.name, bounds)}")
            if bounds and value is not None and not bounds[0] <= value <= bounds[1]:
                allowed = f"{_range(field.name, bounds)} for a rollout of type {self.type}"
                raise FieldError(field.name, f"received {value}; allowed: {allowed}")

    @classmethod
    def default(cls, instance: InstanceType, fewest: int) -> Self:
        """The rollout of an endpoint of at least `fewest` instances that asks for none.

        GPUs are scarce, and a rolling update needs the fewest besides those that serve
        (https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-rolling.html).
        """
        if not instance.has_gpu or fewest < _FEWEST_IN_PARTS:
            return cls()
        percent = max(_DEFAULT_ROLLING_PERCENT, math.ceil(100 / fewest))
        return cls("rolling", percent=percent, wait_seconds=_DEFAULT_ROLLING_WAIT_SECONDS)

    @property
    def is_plain(self) -> bool:
        """Whether it is SageMaker's default: everything at once and no look back."""
        return self.type == "all_at_once" and not self.bake_seconds

    def waits(self, instances: int) -> int:
        """The seconds that the rollout of so many instances waits in all, launching them not counted."""
        percent, wait, bake = self.percent or 100, self.wait_seconds or 0, self.bake_seconds or 0
        if self.type == "linear":
            return wait * (math.ceil(100 / percent) - 1) + bake
        if self.type == "rolling":
            return wait * self._launches(instances)
        return wait + bake

    def _launches(self, instances: int) -> int:
        """How many times new instances are awaited: a rolling update does so for each batch."""
        percent = self.percent or 100
        return math.ceil(instances / max(1, instances * percent // 100)) if self.type == "rolling" else 1

    def timeout(self, instances: int) -> int | None:
        """The time-out of the rollout of so many instances; None where its type has none."""
        low, high = RULES[self.type].get("timeout_seconds", (0, 0))
        needed = self.waits(instances) + _LAUNCH_SECONDS * self._launches(instances)
        return self.timeout_seconds or (max(low, min(needed, high)) or None)

    def check(self, instance: InstanceType, fewest: int, most: int, *, watched: bool) -> None:
        """Refuse a rollout that an endpoint of `fewest` to `most` instances cannot have, `watched` by alarms or not.

        Raises:
            FieldError: what it cannot have, and what it can.
        """
        if instance.family == _NO_GUARDRAILS and (watched or not self.is_plain):
            raise FieldError(
                "type",
                f"received {self.type}{' with alarms' if watched else ''} for {instance.name}, whose family has no "
                "deployment guardrails; allowed: all_at_once without bake_seconds and without alarms",
            )
        if self.type != "all_at_once" and fewest < _FEWEST_IN_PARTS:
            raise FieldError(
                "type",
                f"received {self.type} for an endpoint of 1 instance, which cannot be shifted in parts; allowed: "
                "all_at_once, or at least 2 instances (instance_count, or min of scaling)",
            )
        waits, (_, longest) = self.waits(most), _TIMEOUT
        if waits >= longest:
            raise FieldError(
                "wait_seconds",
                f"received {self.wait_seconds}, which makes {waits} seconds of waits in all; allowed: less than "
                f"{longest} in all, by shorter waits or a larger percent",
            )
        if self.timeout_seconds is not None and self.timeout_seconds <= waits:
            raise FieldError(
                "timeout_seconds",
                f"received {self.timeout_seconds}, but the rollout waits {waits} seconds in all; allowed: "
                f"{max(waits + 1, _TIMEOUT[0])} to {longest}",
            )


def _range(name: str, bounds: tuple[int, int]) -> str:
    unit = "seconds" if name.endswith("_seconds") else "percent of the capacity"
    return f"{bounds[0]} to {bounds[1]} {unit}"
