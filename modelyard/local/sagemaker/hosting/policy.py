"""How an update moves from the old fleet to the new one: DeploymentConfig, checked and laid out as steps, see
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html

The sentences of the errors are ours: AWS documents the rules, not its words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from modelyard.local.sagemaker.errors import ValidationException
from modelyard.local.sagemaker.hosting.plans import VariantPlan

__all__ = ["Policy", "Step", "policy_of"]

_WAIT, _TERMINATION_WAIT = "WaitIntervalInSeconds", "TerminationWaitInSeconds"


@dataclass(frozen=True)
class Step:
    """``share`` of the traffic, 0 to 1, on the new fleet; then ``seconds`` of AWS's time in which alarms are watched.

    ``capacity`` (``canary``, ``partial``, ``full``) and ``member``, the member of DeploymentConfig that gives the
    seconds, are for messages.
    """

    share: float
    seconds: int
    capacity: str
    member: str

    def active(self, plans: Sequence[VariantPlan]) -> dict[str, int]:
        """How many instances of each variant have traffic: a part of an instance counts as one."""
        return {plan.name: math.ceil(plan.instances * self.share - 1e-9) for plan in plans}


@dataclass(frozen=True)
class Policy:
    """The steps of a deployment; the last one has the whole traffic.

    ``rolling``: instances of the new fleet are launched step by step, and as many of the old one terminated. When it
    is rolled back, ``rollback_share`` of the old fleet is launched at a time. ``timeout`` is in seconds of AWS's time.
    """

    steps: tuple[Step, ...]
    alarms: tuple[str, ...] = ()
    timeout: int | None = None
    rolling: bool = False
    rollback_share: float = 1.0


_DEFAULT = Policy((Step(1.0, 0, "full", _TERMINATION_WAIT),))


@dataclass(frozen=True)
class _Size:
    """A CapacitySize at ``path``, which may be from ``low`` to ``high`` percent of each variant's instances."""

    path: str
    value: dict[str, Any]
    low: int
    high: int

    def share(self, plans: Sequence[VariantPlan]) -> float:
        """The size as a share of the fleet; raises ``ValidationException`` for one that is out of bounds."""
        number = int(self.value["Value"])
        if self.value["Type"] == "CAPACITY_PERCENT":
            if not self.low <= number <= self.high:
                raise ValidationException(
                    f"{self.path} is {number} percent of the capacity; it must be from {self.low} to {self.high}."
                )
            return number / 100
        for plan in plans:
            least = max(1, math.ceil(plan.instances * self.low / 100))
            most = plan.instances * self.high // 100
            if most < least:
                raise ValidationException(
                    f"{self.path} is an INSTANCE_COUNT, and the production variant {plan.name} has {plan.instances} "
                    "instance(s): at least 2 instances are needed, or a CAPACITY_PERCENT."
                )
            if not least <= number <= most:
                raise ValidationException(
                    f"{self.path} is {number} of the {plan.instances} instances of the production variant {plan.name}; "
                    f"it must be from {self.low} to {self.high} percent of them: from {least} to {most}."
                )
        return number * len(plans) / sum(plan.instances for plan in plans)


def policy_of(config: dict[str, Any], plans: Sequence[VariantPlan]) -> Policy:
    """The policy that the DeploymentConfig ``config`` asks for when ``plans`` are deployed.

    Raises ``ValidationException`` for what breaks SageMaker's rules. Instances of Inferentia 1 have no guardrails: they
    get all traffic at once, without baking, whatever is asked for.
    """
    if "BlueGreenUpdatePolicy" in config and "RollingUpdatePolicy" in config:
        raise ValidationException(
            "DeploymentConfig has a BlueGreenUpdatePolicy and a RollingUpdatePolicy: only one may be given."
        )
    alarms = tuple(alarm["AlarmName"] for alarm in config.get("AutoRollbackConfiguration", {}).get("Alarms", []))
    if "RollingUpdatePolicy" in config:
        policy = _rolling(config["RollingUpdatePolicy"], alarms, plans)
    elif "BlueGreenUpdatePolicy" in config:
        policy = _blue_green(config["BlueGreenUpdatePolicy"], alarms, plans)
    else:
        policy = Policy(_DEFAULT.steps, alarms)
    waits = sum(step.seconds for step in policy.steps)
    if policy.timeout is not None and policy.timeout <= waits:
        raise ValidationException(
            f"MaximumExecutionTimeoutInSeconds is {policy.timeout}; it must be larger than the {waits} seconds "
            "that the deployment waits in all."
        )
    return _DEFAULT if any(plan.instance_type.startswith("ml.inf1.") for plan in plans) else policy


def _blue_green(given: dict[str, Any], alarms: tuple[str, ...], plans: Sequence[VariantPlan]) -> Policy:
    routing = given["TrafficRoutingConfiguration"]
    kind, wait = routing["Type"], routing[_WAIT]
    wanted = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}.get(kind)
    for member in ("CanarySize", "LinearStepSize"):
        if (member in routing) != (member == wanted):
            needs = "is required" if member == wanted else "must not be given"
            raise ValidationException(f"TrafficRoutingConfiguration.{member} {needs} for the Type {kind}.")
    steps: list[Step] = []
    if kind == "CANARY":
        share = _Size("TrafficRoutingConfiguration.CanarySize", routing["CanarySize"], 1, 50).share(plans)
        steps.append(Step(share, wait, "canary", _WAIT))
    elif kind == "LINEAR":
        share = _Size("TrafficRoutingConfiguration.LinearStepSize", routing["LinearStepSize"], 10, 50).share(plans)
        steps += [Step(share * n, wait, "partial", _WAIT) for n in range(1, math.ceil(1 / share - 1e-9))]
    last = Step(1.0, given.get(_TERMINATION_WAIT, 0), "full", _TERMINATION_WAIT)
    return Policy((*steps, last), alarms, given.get("MaximumExecutionTimeoutInSeconds"))


def _rolling(given: dict[str, Any], alarms: tuple[str, ...], plans: Sequence[VariantPlan]) -> Policy:
    if len(plans) > 1:
        raise ValidationException(
            f"RollingUpdatePolicy cannot be used with several production variants; there are {len(plans)}."
        )
    share = _Size("RollingUpdatePolicy.MaximumBatchSize", given["MaximumBatchSize"], 5, 50).share(plans)
    rollback = 1.0
    if "RollbackMaximumBatchSize" in given:
        size = _Size("RollingUpdatePolicy.RollbackMaximumBatchSize", given["RollbackMaximumBatchSize"], 5, 100)
        rollback = size.share(plans)
    total = plans[0].instances
    batch = max(1, math.floor(total * share + 1e-9))
    counts = [*range(batch, total, batch), total]
    steps = [Step(n / total, given[_WAIT], "full" if n == total else "partial", _WAIT) for n in counts]
    return Policy(tuple(steps), alarms, given.get("MaximumExecutionTimeoutInSeconds"), True, rollback)
