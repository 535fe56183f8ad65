"""The metrics of invocations, counted in memory and published once a minute, see
https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html#cloudwatch-metrics-endpoint-invocation

Each is published for the variant and for the variant in its endpoint configuration, by which an alarm watches a new
fleet alone: https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
"""

from __future__ import annotations

import math
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

__all__ = ["Invocations", "Variant"]

# PutMetricData takes at most 150 values for a metric and 1000 metrics a call.
_MOST_VALUES = 150
_MOST_METRICS = 500
# Latencies are counted to within 1 %, so that a minute of many requests is still few values.
_STEP = math.log(1.02)
_MICROSECONDS = frozenset({"ModelLatency", "OverheadLatency"})


@dataclass(frozen=True)
class Variant:
    """Whose metrics: a production variant of an endpoint, in one endpoint configuration."""

    account: str
    region: str
    endpoint: str
    variant: str
    config: str


class Invocations:
    """Counts what is recorded until it is taken. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: dict[Variant, dict[str, Counter[float]]] = {}

    def record(
        self, variant: Variant, *, status: int, model_latency_us: float | None, overhead_us: float, instances: int
    ) -> None:
        """Count one request.

        ``status`` is the HTTP status that the model answered, 0 where it did not answer at all; ``model_latency_us`` is
        None then. ``instances`` is how many instances the variant has now.
        """
        values = {
            "Invocations": 1.0,
            "InvocationsPerInstance": 1.0 / max(1, instances),
            "Invocation4XXErrors": float(400 <= status < 500),
            "Invocation5XXErrors": float(500 <= status < 600),
            "InvocationModelErrors": float(not 200 <= status < 300),
            "OverheadLatency": _rounded(overhead_us),
        }
        if model_latency_us is not None:
            values["ModelLatency"] = _rounded(model_latency_us)
        with self._lock:
            counted = self._counted.setdefault(variant, defaultdict(Counter))
            for name, value in values.items():
                counted[name][value] += 1

    def take(self, timestamp: float) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
        """What was counted since the last time, as (account, region, metric data of ``timestamp``)."""
        with self._lock:
            counted, self._counted = self._counted, {}
        of_account: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for variant, metrics in counted.items():
            of_account[variant.account, variant.region] += _data(variant, metrics, timestamp)
        for (account, region), data in of_account.items():
            for start in range(0, len(data), _MOST_METRICS):
                yield account, region, data[start : start + _MOST_METRICS]


def _rounded(microseconds: float) -> float:
    if microseconds < 1:
        return 0.0
    return float(round(math.exp(round(math.log(microseconds) / _STEP) * _STEP)))


def _data(variant: Variant, metrics: dict[str, Counter[float]], timestamp: float) -> Iterator[dict[str, Any]]:
    names = {"EndpointName": variant.endpoint, "VariantName": variant.variant}
    for dimensions in (names, {**names, "EndpointConfigName": variant.config}):
        for metric, counts in metrics.items():
            values = list(counts.items())
            for start in range(0, len(values), _MOST_VALUES):
                part = values[start : start + _MOST_VALUES]
                yield {
                    "MetricName": metric,
                    "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
                    "Timestamp": datetime.fromtimestamp(timestamp, UTC),
                    "Values": [value for value, _count in part],
                    "Counts": [float(count) for _value, count in part],
                    "Unit": "Microseconds" if metric in _MICROSECONDS else "None",
                }
