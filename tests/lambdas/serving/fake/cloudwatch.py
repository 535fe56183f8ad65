"""CloudWatch's alarms and one metric, and Application Auto Scaling, as far as the functions ask them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.lambdas.serving.fake.client import Clock, error


@dataclass
class CloudWatch:
    clock: Clock
    alarms: dict[str, dict[str, Any]] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    idle: set[str] = field(default_factory=set)  # configs whose fleet no request has reached

    def put_metric_alarm(self, **request: Any) -> dict[str, Any]:
        before = self.alarms.get(request["AlarmName"], {})
        self.alarms[request["AlarmName"]] = {**request, "StateValue": before.get("StateValue", "INSUFFICIENT_DATA")}
        return {}

    def describe_alarms(self, **request: Any) -> dict[str, Any]:
        names, prefix = request.get("AlarmNames"), request.get("AlarmNamePrefix", "")
        state = request.get("StateValue")
        found = [
            alarm
            for name, alarm in sorted(self.alarms.items())
            if name.startswith(prefix) and (names is None or name in names) and state in (None, alarm["StateValue"])
        ]
        return {"MetricAlarms": found}

    def delete_alarms(self, **request: Any) -> dict[str, Any]:
        for name in request["AlarmNames"]:
            self.alarms.pop(name, None)
        return {}

    def describe_alarm_history(self, **request: Any) -> dict[str, Any]:
        name, since = request["AlarmName"], request["StartDate"]
        found = [item for item in self.history if item["AlarmName"] == name and item["at"] >= since]
        return {"AlarmHistoryItems": found[::-1]}

    def get_metric_statistics(self, **request: Any) -> dict[str, Any]:
        names = {item["Name"]: item["Value"] for item in request["Dimensions"]}
        return {"Datapoints": [] if names["EndpointConfigName"] in self.idle else [{"Sum": 9.0}]}

    def trip(self, name: str, value: float) -> None:
        """Let an alarm go off and be quiet again: when the traffic has gone back there is nothing to see."""
        data = {"recentDatapoints": [value], "threshold": self.alarms[name]["Threshold"]}
        state = {"stateValue": "ALARM", "stateReason": "Threshold Crossed", "stateReasonData": data}
        at = self.clock.time.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        self.history.append({"AlarmName": name, "at": at, "HistoryData": json.dumps({"newState": state})})


@dataclass
class AutoScaling:
    endpoints: dict[str, dict[str, Any]]
    targets: dict[str, dict[str, Any]] = field(default_factory=dict)
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)

    def register_scalable_target(self, **request: Any) -> dict[str, Any]:
        if request["ResourceId"].split("/")[1] not in self.endpoints:
            raise error("ValidationException", "The variant does not exist")
        self.targets[request["ResourceId"]] = request
        return {}

    def deregister_scalable_target(self, **request: Any) -> dict[str, Any]:
        if self.targets.pop(request["ResourceId"], None) is None:
            raise error("ObjectNotFoundException")
        self.policies.pop(request["ResourceId"], None)
        return {}

    def describe_scalable_targets(self, **request: Any) -> dict[str, Any]:
        return {"ScalableTargets": [self.targets[name] for name in request["ResourceIds"] if name in self.targets]}

    def put_scaling_policy(self, **request: Any) -> dict[str, Any]:
        if request["ResourceId"] not in self.targets:
            raise error("ObjectNotFoundException")
        self.policies[request["ResourceId"]] = request
        return {}

    def describe_scaling_policies(self, **request: Any) -> dict[str, Any]:
        policy = self.policies.get(request["ResourceId"])
        return {"ScalingPolicies": [policy] if policy else []}
