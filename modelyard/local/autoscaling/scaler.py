"""What a scaling policy does when an alarm invokes it."""

from __future__ import annotations

import logging

from modelyard.local.autoscaling import policies, steps, tracking
from modelyard.local.autoscaling.api import variant_of
from modelyard.local.autoscaling.records import POLICIES, TARGETS, policies_of
from modelyard.local.autoscaling.scaling import begin, capacity, last_activity, settle
from modelyard.local.metrics.emulator import Alarm
from modelyard.local.metrics.monitor import Monitor
from modelyard.local.sagemaker.context import Context, Record, SageMaker

__all__ = ["Scaler"]

log = logging.getLogger("modelyard.local.autoscaling")

# "The default value is 300" for production variants:
# https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingScalingPolicyConfiguration.html
_COOLDOWN = 300


class Scaler:
    """Scales the targets of ``service`` by the alarms of ``monitor``."""

    def __init__(self, service: SageMaker, monitor: Monitor) -> None:
        self._service = service
        self._monitor = monitor

    def settle(self) -> None:
        """End the activities whose change has come about."""
        for context in self._service.contexts():
            settle(context)

    def invoke(self, account: str, region: str, alarm: Alarm, policy_arn: str) -> None:
        """Let the policy ``policy_arn`` scale, invoked by ``alarm``."""
        context = self._service.context(account, region)
        with self._service.lock:
            policy = next((p for p in context.table(POLICIES).values() if p["PolicyARN"] == policy_arn), None)
            if policy is None:
                log.warning("alarm %s invokes a policy that does not exist: %s", alarm["AlarmName"], policy_arn)
                return
            settle(context)
            self._scale(context, policy, alarm)

    def _scale(self, context: Context, policy: Record, alarm: Alarm) -> None:
        target = context.table(TARGETS)[policy["ResourceId"]]
        current, value = capacity(context, policy["ResourceId"]), self._value(context, alarm)
        last = last_activity(context, policy["ResourceId"])
        if current is None or value is None or (last is not None and last["StatusCode"] == "InProgress"):
            return
        wanted = self._wanted(context, policy, alarm, current, value, last)
        desired = min(max(wanted, target["MinCapacity"]), target["MaxCapacity"])
        direction = "Out" if desired > current else "In"
        if desired == current or target["SuspendedState"][f"DynamicScaling{direction}Suspended"]:
            return
        cause = f"monitor alarm {alarm['AlarmName']} in state ALARM triggered policy {policy['PolicyName']}"
        begin(context, target, current, desired, cause)

    def _wanted(
        self, context: Context, policy: Record, alarm: Alarm, current: int, value: float, last: Record | None
    ) -> int:
        """The capacity that the policy calls for now, bounds aside.

        In the cooldown of a scale-out the capacity is worked out from what it was before it, so that only a larger
        scale-out adds more; in that of a scale-in nothing scales in.
        """
        wanted = self._called_for(context, policy, alarm, current, value)
        cooling = last is not None and self._cooling(context, policy, last, out=wanted > current)
        if last is None or not cooling:
            return wanted
        if wanted > current:
            return max(current, self._called_for(context, policy, alarm, last["_before"], value))
        return current

    def _called_for(self, context: Context, policy: Record, alarm: Alarm, current: int, value: float) -> int:
        if policy["PolicyType"] == "StepScaling":
            breach = value - float(alarm["Threshold"])
            wanted = steps.capacity_for(policy["StepScalingPolicyConfiguration"], current, breach)
            return current if wanted is None else wanted
        if alarm["AlarmName"] not in {each["AlarmName"] for each in policy["Alarms"]}:
            log.warning("alarm %s is not one of the policy %s", alarm["AlarmName"], policy["PolicyName"])
            return current
        configuration = policy["TargetTrackingScalingPolicyConfiguration"]
        wanted = tracking.capacity_for(current, value, configuration["TargetValue"])
        return wanted if wanted >= current else self._agreed(context, policy, current, wanted)

    def _agreed(self, context: Context, policy: Record, current: int, wanted: int) -> int:
        """Scale-in happens only as far as every policy that tracks a target and scales in is ready for it."""
        for other in policies_of(context, policy["ResourceId"]):
            configuration = other.get("TargetTrackingScalingPolicyConfiguration")
            if other["PolicyName"] == policy["PolicyName"] or not configuration or configuration.get("DisableScaleIn"):
                continue
            value = self._value(context, tracking.alarms(variant_of(policy["ResourceId"]), other)["Low"])
            needed = current if value is None else tracking.capacity_for(current, value, configuration["TargetValue"])
            wanted = min(current, max(wanted, needed))
        return wanted

    def _cooling(self, context: Context, policy: Record, last: Record, *, out: bool) -> bool:
        """Whether the cooldown of ``last``, a scaling in the same direction, has not passed."""
        if (last["_desired"] > last["_before"]) != out:
            return False
        configuration = policy[policies.CONFIGURATIONS[policy["PolicyType"]]]
        name = "Cooldown" if policy["PolicyType"] == "StepScaling" else f"Scale{'Out' if out else 'In'}Cooldown"
        seconds = float(configuration.get(name, _COOLDOWN))
        return context.now() < float(last["EndTime"]) + seconds / self._monitor.factor

    def _value(self, context: Context, alarm: Alarm) -> float | None:
        points = self._monitor.recent(context.account, context.region, alarm)
        return next((point.value for point in reversed(points) if point.value is not None), None)
