"""What a scaling policy does when an alarm invokes it."""

from __future__ import annotations

import logging
from typing import Any

from modelyard.local.autoscaling import tracking
from modelyard.local.autoscaling.api import variant_of
from modelyard.local.autoscaling.decisions import Situation, wanted_capacity
from modelyard.local.autoscaling.records import POLICIES, TARGETS, policies_of
from modelyard.local.autoscaling.scaling import begin, capacity, last_activity, settle
from modelyard.local.autoscaling.targets import deregister_orphans
from modelyard.local.metrics.emulator import Alarm
from modelyard.local.metrics.monitor import Monitor
from modelyard.local.sagemaker.context import Context, Record, SageMaker

__all__ = ["Scaler"]

log = logging.getLogger("modelyard.local.autoscaling")


class Scaler:
    """Scales the targets of ``service`` by the alarms of ``monitor``."""

    def __init__(self, service: SageMaker, monitor: Monitor) -> None:
        self._service = service
        self._monitor = monitor

    def settle(self) -> None:
        """End the activities whose change has come about, and the targets of endpoints that are gone."""
        for context in self._service.contexts():
            settle(context)
            deregister_orphans(context)

    def invoke(self, account: str, region: str, alarm: Alarm, policy_arn: str) -> None:
        """Let the policy ``policy_arn`` scale, invoked by ``alarm``.

        While the endpoint takes no change nothing is done: an alarm that stays in its state invokes again.
        """
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
        situation = Situation(
            current=current,
            value=value,
            threshold=float(alarm["Threshold"]),
            now=context.now(),
            factor=self._monitor.factor,
            last=last,
            others=self._others(context, policy),
        )
        desired = min(max(wanted_capacity(policy, situation), target["MinCapacity"]), target["MaxCapacity"])
        direction = "Out" if desired > current else "In"
        if desired == current or target["SuspendedState"][f"DynamicScaling{direction}Suspended"]:
            return
        cause = f"monitor alarm {alarm['AlarmName']} in state ALARM triggered policy {policy['PolicyName']}"
        begin(context, target, current, desired, cause)

    def _others(self, context: Context, policy: Record) -> tuple[tuple[dict[str, Any], float | None], ...]:
        found = []
        for other in policies_of(context, policy["ResourceId"]):
            configuration = other.get("TargetTrackingScalingPolicyConfiguration")
            if (
                other["PolicyName"] != policy["PolicyName"]
                and configuration
                and not configuration.get("DisableScaleIn")
            ):
                low = tracking.alarms(variant_of(policy["ResourceId"]), other)["Low"]
                found.append((configuration, self._value(context, low)))
        return tuple(found)

    def _value(self, context: Context, alarm: Alarm) -> float | None:
        points = self._monitor.recent(context.account, context.region, alarm)
        return next((point.value for point in reversed(points) if point.value is not None), None)
