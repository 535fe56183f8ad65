"""What metrics and alarms need of the process that they are served by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from modelyard.local.metrics.statistics import Sample

__all__ = ["Alarm", "Emulator", "OnTransition", "samples"]

Alarm = dict[str, Any]
OnTransition = Callable[[str, str, Alarm, str], None]


class Emulator(Protocol):
    """The part of the local AWS's emulator that is used here."""

    def client(self, service: str, account: str, region: str) -> Any: ...

    def put_events(self, account: str, region: str, entries: list[dict[str, Any]]) -> None: ...

    def metric_alarms(self) -> list[tuple[str, str, Alarm]]: ...

    def metric_points(
        self, account: str, region: str, namespace: str, name: str, dimensions: Mapping[str, str]
    ) -> list[tuple[float, tuple[float, float, float, float], str]]: ...

    def take_over_alarms(self, on_transition: OnTransition) -> None: ...


def samples(emulator: Emulator, account: str, region: str, alarm: Alarm) -> list[Sample]:
    """What was published of the metric that ``alarm`` watches."""
    dimensions = {each["Name"]: each["Value"] for each in alarm.get("Dimensions") or []}
    points = emulator.metric_points(account, region, alarm["Namespace"], alarm["MetricName"], dimensions)
    return [Sample(timestamp, *numbers, unit) for timestamp, numbers, unit in points]
