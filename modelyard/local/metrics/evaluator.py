"""Gives every alarm the state that its metric says."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from modelyard.local.metrics.alarms import Verdict, evaluate, evaluation_range, statistic_name, unsupported
from modelyard.local.metrics.emulator import Alarm, Emulator, samples
from modelyard.local.metrics.statistics import Datapoint, datapoints
from modelyard.local.metrics.transitions import Transitions

__all__ = ["Evaluator", "recent"]

log = logging.getLogger("modelyard.local.metrics")


def recent(emulator: Emulator, account: str, region: str, alarm: Alarm, end: float, factor: float) -> list[Datapoint]:
    """The datapoints of the alarm's evaluation range, the oldest first; the last period ends at ``end``."""
    return datapoints(
        samples(emulator, account, region, alarm),
        statistic_name(alarm),
        end=end,
        period=alarm["Period"] / factor,
        count=evaluation_range(alarm),
        unit=alarm.get("Unit"),
    )


class Evaluator:
    """Evaluates alarms over periods that are ``factor`` times shorter than they say."""

    def __init__(self, emulator: Emulator, transitions: Transitions, factor: float) -> None:
        self._emulator = emulator
        self._transitions = transitions
        self._factor = factor

    def evaluate(self, end: float, *, high_resolution_only: bool = False) -> None:
        """Evaluate every alarm by the periods before ``end``, or only those whose period is under a minute."""
        for account, region, alarm in self._emulator.metric_alarms():
            if high_resolution_only and alarm["Period"] >= 60:
                continue
            try:
                self._evaluate(account, region, alarm, end)
            except ClientError as error:
                log.info("alarm %s was not evaluated: %s", alarm["AlarmName"], error)
            except Exception:
                log.exception("alarm %s was not evaluated", alarm["AlarmName"])

    def _evaluate(self, account: str, region: str, alarm: Alarm, end: float) -> None:
        verdict = self._verdict(account, region, alarm, end)
        if verdict is None:
            return
        unexplained = verdict.state == "INSUFFICIENT_DATA" and verdict.reason != alarm["StateReason"]
        if verdict.state != alarm["StateValue"] or unexplained:
            self._emulator.client("cloudwatch", account, region).set_alarm_state(
                AlarmName=alarm["AlarmName"],
                StateValue=verdict.state,
                StateReason=verdict.reason[:1023],
                StateReasonData=_reason_data(alarm, verdict, end),
            )
        elif verdict.state == "ALARM":
            self._transitions.still_in_alarm(account, region, alarm)

    def _verdict(self, account: str, region: str, alarm: Alarm, end: float) -> Verdict | None:
        reason = unsupported(alarm)
        if reason is not None:
            return Verdict("INSUFFICIENT_DATA", reason)
        return evaluate(alarm, recent(self._emulator, account, region, alarm, end, self._factor))


def _reason_data(alarm: Alarm, verdict: Verdict, end: float) -> str:
    shown = [point for point in verdict.datapoints if point.value is not None]
    data = {
        "version": "1.0",
        "queryDate": _date(end),
        **({"startDate": _date(shown[-1].timestamp)} if shown else {}),
        "statistic": statistic_name(alarm),
        "period": alarm["Period"],
        "recentDatapoints": [point.value for point in reversed(shown)],
        "threshold": alarm["Threshold"],
        "evaluatedDatapoints": [{"timestamp": _date(point.timestamp), "value": point.value} for point in shown],
    }
    return json.dumps(data, separators=(",", ":"))[:4000]


def _date(epoch: float) -> str:
    stamp = datetime.fromtimestamp(epoch, UTC)
    return f"{stamp:%Y-%m-%dT%H:%M:%S}.{stamp.microsecond // 1000:03d}+0000"
