"""The statistics of a metric, see
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Datapoint", "Sample", "datapoints", "is_known", "statistic"]

_PERCENTILE = re.compile(r"p(\d{1,2}(\.\d+)?|100)")
_BASIC = frozenset({"SampleCount", "Sum", "Average", "Minimum", "Maximum"})


@dataclass(frozen=True)
class Sample:
    """What was published at a moment: ``count`` values of which the sum, the lowest and the highest are known."""

    timestamp: float
    count: float
    total: float
    low: float
    high: float
    unit: str = "None"


@dataclass(frozen=True)
class Datapoint:
    """A statistic of the period that began at ``timestamp``; None where nothing was published in it."""

    timestamp: float
    value: float | None


def is_known(name: str) -> bool:
    """Whether ``name`` is a statistic that can be worked out here: the five basic ones and percentiles (``p99``)."""
    return name in _BASIC or _PERCENTILE.fullmatch(name) is not None


def datapoints(
    samples: Sequence[Sample], name: str, *, end: float, period: float, count: int, unit: str | None = None
) -> list[Datapoint]:
    """The statistic ``name`` of each of the last ``count`` periods before ``end``, the oldest first.

    A sample belongs to the period that its time is in, beginning included. With ``unit``, others are not looked at.
    """
    start = end - count * period
    buckets: list[list[Sample]] = [[] for _ in range(count)]
    for sample in samples:
        if start <= sample.timestamp < end and unit in (None, sample.unit):
            buckets[min(count - 1, int((sample.timestamp - start) / period))].append(sample)
    return [Datapoint(start + index * period, statistic(bucket, name)) for index, bucket in enumerate(buckets)]


def statistic(samples: Sequence[Sample], name: str) -> float | None:
    """The statistic ``name`` of ``samples``, None where there are none or where it is not available for them."""
    counted = [sample for sample in samples if sample.count > 0]
    if not counted:
        return None
    count, total = math.fsum(each.count for each in counted), math.fsum(each.total for each in counted)
    basic = {
        "SampleCount": count,
        "Sum": total,
        "Average": total / count,
        "Minimum": min(each.low for each in counted),
        "Maximum": max(each.high for each in counted),
    }
    return basic[name] if name in basic else _percentile(counted, float(name[1:]))


def _percentile(samples: list[Sample], percent: float) -> float | None:
    # Of a statistic set the single values are not known, and CloudWatch has no percentiles of negative values.
    if any(each.low != each.high or each.low < 0 for each in samples):
        return None
    ordered = sorted((each.low, each.count) for each in samples)
    rank = percent / 100 * max(0.0, math.fsum(count for _value, count in ordered) - 1)
    below, above = _at(ordered, math.floor(rank)), _at(ordered, math.ceil(rank))
    return below + (above - below) * (rank - math.floor(rank))


def _at(ordered: list[tuple[float, float]], index: int) -> float:
    seen = 0.0
    for value, count in ordered:
        seen += count
        if index < seen:
            return value
    return ordered[-1][0]
