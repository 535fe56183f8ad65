"""What happens once a minute of AWS's time: metrics are published, then alarms are evaluated."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence

from modelyard.local.metrics.emulator import Alarm, Emulator
from modelyard.local.metrics.evaluator import Evaluator, recent
from modelyard.local.metrics.invocations import Invocations
from modelyard.local.metrics.statistics import Datapoint
from modelyard.local.metrics.transitions import Transitions
from modelyard.local.metrics.utilization import InstanceProcess, Utilization, gpu_usage, session_usage

__all__ = ["Monitor"]

log = logging.getLogger("modelyard.local.metrics")

_MINUTE = 60.0
# Alarms of high resolution have periods of 10 or 30 seconds.
_TICK = 10.0


class Monitor:
    """Publishes the metrics of endpoints and evaluates alarms; ``factor`` seconds of AWS's time pass in a real one.

    ``processes()`` says which server processes run now. ``every_tick`` are called every 10 seconds of AWS's time.
    """

    def __init__(self, emulator: Emulator, factor: float, clock: Callable[[], float] = time.time) -> None:
        self.factor = factor
        self.invocations = Invocations()
        self.transitions = Transitions(emulator)
        self.processes: Callable[[], Sequence[InstanceProcess]] = tuple
        self.every_tick: list[Callable[[], None]] = []
        self._emulator = emulator
        self._clock = clock
        self._evaluator = Evaluator(emulator, self.transitions, factor)
        self._utilization = Utilization()
        self._minute = self._index(_MINUTE, clock())
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)
        emulator.take_over_alarms(self.transitions.changed)

    def start(self) -> None:
        """Go on by the clock until closed."""
        self._thread.start()

    def restored(self) -> None:
        """Metrics and alarms are restored with CloudWatch's state."""

    def close(self) -> None:
        """End; what was recorded in the minute that has begun is lost."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        self.transitions.close()

    def tick(self, now: float) -> None:
        """Do what is due at ``now``."""
        minute = self._index(_MINUTE, now)
        if minute > self._minute:
            self._minute = minute
            end = minute * _MINUTE / self.factor
            self._guarded(self._publish, end)
            self._guarded(self._sample, end)
            self._evaluator.evaluate(end)
        else:
            self._evaluator.evaluate(self._index(_TICK, now) * _TICK / self.factor, high_resolution_only=True)
        for function in self.every_tick:
            self._guarded(function)

    def recent(self, account: str, region: str, alarm: Alarm) -> list[Datapoint]:
        """The datapoints in the evaluation range of ``alarm``, the oldest first."""
        end = self._index(_MINUTE, self._clock()) * _MINUTE / self.factor
        return recent(self._emulator, account, region, alarm, end, self.factor)

    def _run(self) -> None:
        while True:
            now = self._clock()
            due = (self._index(_TICK, now) + 1) * _TICK / self.factor
            if self._closed.wait(max(0.0, due - now)):
                return
            self.tick(max(due, self._clock()))

    def _index(self, seconds: float, now: float) -> int:
        return math.floor(now * self.factor / seconds + 1e-6)

    def _publish(self, end: float) -> None:
        # Dated into the middle of the period: neither side's rounding can move it into another one.
        for account, region, data in self.invocations.take(end - _MINUTE / self.factor / 2):
            client = self._emulator.client("cloudwatch", account, region)
            client.put_metric_data(Namespace="AWS/SageMaker", MetricData=data)

    def _sample(self, end: float) -> None:
        processes = self.processes()
        if not processes:
            return
        usage, gpu = session_usage(process.pid for process in processes), gpu_usage()
        middle = end - _MINUTE / self.factor / 2
        for account, region, data in self._utilization.sample(processes, usage, gpu, middle):
            client = self._emulator.client("cloudwatch", account, region)
            client.put_metric_data(Namespace="/aws/sagemaker/Endpoints", MetricData=data)

    @staticmethod
    def _guarded(function: Callable[..., None], *arguments: float) -> None:
        try:
            function(*arguments)
        except Exception:
            log.exception("%s failed", function)
