"""What follows a change of an alarm's state, besides notifications: an event, and the scaling policies it invokes."""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from modelyard.local.metrics.alarms import statistic_name
from modelyard.local.metrics.emulator import Alarm, Emulator

__all__ = ["OnAction", "Transitions", "state_change_detail"]

log = logging.getLogger("modelyard.local.metrics")

OnAction = Callable[[str, str, Alarm, str], None]
_ACTIONS = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}


class Transitions:
    """Follows up on changes of state, in their order, on a thread of its own.

    ``on_action(account, region, alarm, arn)`` is called for each action that invokes a scaling policy.
    """

    def __init__(self, emulator: Emulator) -> None:
        self.on_action: OnAction | None = None
        self._emulator = emulator
        self._before: dict[str, dict[str, Any]] = {}
        self._queue: queue.Queue[tuple[str, str, Alarm, str | None] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="alarm-transitions", daemon=True)
        self._thread.start()

    def changed(self, account: str, region: str, alarm: Alarm, old_state: str) -> None:
        """The alarm has a new state. Returns at once."""
        self._queue.put((account, region, alarm, old_state))

    def still_in_alarm(self, account: str, region: str, alarm: Alarm) -> None:
        """The alarm stays in ALARM: "the alarm continues to invoke the action once per minute" for scaling policies."""
        self._queue.put((account, region, alarm, None))

    def close(self) -> None:
        """Return when everything so far has been followed up."""
        self._queue.put(None)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            account, region, alarm, old_state = item
            try:
                if old_state is not None:
                    self._tell(account, region, alarm, old_state)
                self._act(account, region, alarm)
            except Exception:
                log.exception("alarm %s could not be followed up", alarm["AlarmName"])

    def _tell(self, account: str, region: str, alarm: Alarm, old_state: str) -> None:
        before = self._before.get(alarm["AlarmArn"], {"value": old_state})
        now = _state(alarm, time.time())
        self._before[alarm["AlarmArn"]] = now
        entry = {
            "Source": "aws.cloudwatch",
            "DetailType": "CloudWatch Alarm State Change",
            "Detail": json.dumps(state_change_detail(alarm, now, before)),
            "Resources": [alarm["AlarmArn"]],
        }
        self._emulator.put_events(account, region, [entry])

    def _act(self, account: str, region: str, alarm: Alarm) -> None:
        if self.on_action is None or not alarm.get("ActionsEnabled", True):
            return
        for arn in alarm.get(_ACTIONS[alarm["StateValue"]]) or []:
            if arn.startswith("arn:aws:autoscaling:") and ":scalingPolicy:" in arn:
                self.on_action(account, region, alarm, arn)


def _state(alarm: Alarm, now: float) -> dict[str, Any]:
    stamp = datetime.fromtimestamp(now, UTC)
    data = {"reasonData": alarm["StateReasonData"]} if alarm.get("StateReasonData") else {}
    return {
        "value": alarm["StateValue"],
        "reason": alarm.get("StateReason", ""),
        **data,
        "timestamp": f"{stamp:%Y-%m-%dT%H:%M:%S}.{stamp.microsecond // 1000:03d}+0000",
    }


def state_change_detail(alarm: Alarm, now: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """The detail of the event, see
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
    """
    configuration: dict[str, Any] = {"description": alarm.get("AlarmDescription") or ""}
    if alarm.get("AlarmRule"):
        configuration["alarmRule"] = alarm["AlarmRule"]
    elif alarm.get("MetricName"):
        metric = {
            "namespace": alarm["Namespace"],
            "name": alarm["MetricName"],
            "dimensions": {each["Name"]: each["Value"] for each in alarm.get("Dimensions") or []},
        }
        stat = {"metric": metric, "period": alarm["Period"], "stat": statistic_name(alarm)}
        configuration["metrics"] = [{"id": "m1", "metricStat": stat, "returnData": True}]
    return {"alarmName": alarm["AlarmName"], "state": now, "previousState": before, "configuration": configuration}
