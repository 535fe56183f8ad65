"""Metrics and alarms without a server: what would be called is kept in lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelyard.local.metrics.emulator import Alarm, OnTransition
from modelyard.local.metrics.statistics import Sample

ACCOUNT, REGION = "111122223333", "eu-west-1"


class RecordingCloudWatch:
    """CloudWatch's client, as far as it is used."""

    def __init__(self, emulator: RecordingEmulator) -> None:
        self._emulator = emulator
        self.published: list[dict[str, Any]] = []
        self.put: list[dict[str, Any]] = []
        self.deleted: list[str] = []

    def put_metric_data(self, **request: Any) -> None:
        self.published.append(request)

    def put_metric_alarm(self, **request: Any) -> None:
        self.put.append(request)
        self._emulator.add_alarm(**request)

    def delete_alarms(self, AlarmNames: list[str]) -> None:  # noqa: N803
        self.deleted += AlarmNames
        for name in AlarmNames:
            self._emulator.alarms.pop(name, None)

    def set_alarm_state(self, AlarmName: str, StateValue: str, **why: str) -> None:  # noqa: N803
        alarm = self._emulator.alarms[AlarmName]
        before = alarm["StateValue"]
        alarm.update(StateValue=StateValue, **why)
        assert self._emulator.on_transition is not None
        if before != StateValue:
            self._emulator.on_transition(ACCOUNT, REGION, dict(alarm), before)


class RecordingEmulator:
    """Alarms in a dictionary, metrics by name."""

    def __init__(self) -> None:
        self.cloudwatch = RecordingCloudWatch(self)
        self.alarms: dict[str, Alarm] = {}
        self.samples: dict[str, list[Sample]] = {}
        self.events: list[dict[str, Any]] = []
        self.on_transition: OnTransition | None = None

    def add_alarm(self, **members: Any) -> Alarm:
        name = members["AlarmName"]
        defaults = {"StateValue": "INSUFFICIENT_DATA", "StateReason": "", "AlarmArn": f"arn:alarm:{name}"}
        self.alarms[name] = {**defaults, **members}
        return self.alarms[name]

    def client(self, service: str, account: str, region: str) -> Any:
        assert (service, account, region) == ("cloudwatch", ACCOUNT, REGION)
        return self.cloudwatch

    def put_events(self, account: str, region: str, entries: list[dict[str, Any]]) -> None:
        self.events += entries

    def metric_alarms(self) -> list[tuple[str, str, Alarm]]:
        return [(ACCOUNT, REGION, dict(alarm)) for alarm in self.alarms.values()]

    def metric_points(
        self, account: str, region: str, namespace: str, name: str, dimensions: Mapping[str, str]
    ) -> list[tuple[float, tuple[float, float, float, float], str]]:
        return [(s.timestamp, (s.count, s.total, s.low, s.high), s.unit) for s in self.samples.get(name, ())]

    def take_over_alarms(self, on_transition: OnTransition) -> None:
        self.on_transition = on_transition
