"""The metrics that a training job's MetricDefinitions find in its output.

Of each line that a regular expression matches, the first group is the value. The last value of each metric is described
with the job, and every value is published to CloudWatch. See
https://docs.aws.amazon.com/sagemaker/latest/dg/training-metrics.html.
"""

from __future__ import annotations

import logging
import math
import re
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

__all__ = ["NAMESPACE", "Measures"]

log = logging.getLogger("modelyard.local.sagemaker.jobs")

NAMESPACE = "/aws/sagemaker/TrainingJobs"
_MOST_A_CALL = 1000

Measured = dict[str, Any]


class Measures:
    """What is measured of one job. Safe to use from many threads."""

    def __init__(self, job_name: str, definitions: Sequence[dict[str, str]]) -> None:
        self._dimensions = [{"Name": "TrainingJobName", "Value": job_name}]
        self._patterns = {item["Name"]: re.compile(item["Regex"]) for item in definitions}
        self._lock = threading.Lock()
        self._last: dict[str, Measured] = {}
        self._unpublished: list[Measured] = []

    def __bool__(self) -> bool:
        return bool(self._patterns)

    @property
    def last(self) -> list[Measured]:
        """The last value of each metric that has one, in the order of their definitions."""
        with self._lock:
            return [self._last[name] for name in self._patterns if name in self._last]

    def see(self, line: str, now: float) -> bool:
        """Look at one line of output, and say whether it told a value. What is no finite number is none."""
        values = {name: _value(pattern, line) for name, pattern in self._patterns.items()}
        found = {name: value for name, value in values.items() if value is not None}
        with self._lock:
            for name, value in found.items():
                self._last[name] = {"MetricName": name, "Value": value, "Timestamp": now}
                self._unpublished.append(self._last[name])
        return bool(found)

    def publish(self, cloudwatch: Any) -> None:
        """Send what was measured since the last time to CloudWatch. A job's result does not hang on it."""
        with self._lock:
            measured, self._unpublished = self._unpublished, []
        for start in range(0, len(measured), _MOST_A_CALL):
            data = [self._datum(item) for item in measured[start : start + _MOST_A_CALL]]
            try:
                cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=data)
            except Exception:
                log.exception("metrics of a training job were not published")

    def _datum(self, measured: Measured) -> Measured:
        timestamp = datetime.fromtimestamp(measured["Timestamp"], UTC)
        return {**measured, "Timestamp": timestamp, "Dimensions": self._dimensions}


def _value(pattern: re.Pattern[str], line: str) -> float | None:
    match = pattern.search(line)
    try:
        value = float(match[1]) if match and match.groups() else math.nan
    except (TypeError, ValueError):  # a group that took no part, or no number
        return None
    return value if math.isfinite(value) else None
