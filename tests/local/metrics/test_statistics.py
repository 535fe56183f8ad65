from __future__ import annotations

import pytest

from modelyard.local.metrics.statistics import Datapoint, Sample, datapoints, is_known, statistic

VALUES = [Sample(0, 1, value, value, value) for value in (4.0, 1.0, 3.0, 2.0)]
# 99 requests of 10 ms and one of 1000.
LATENCIES = [Sample(0, 99, 990, 10, 10), Sample(0, 1, 1000, 1000, 1000)]
SET = [Sample(0, 10, 50, 1, 9)]


@pytest.mark.parametrize(
    ("samples", "name", "value"),
    [
        (VALUES, "SampleCount", 4),
        (VALUES, "Sum", 10),
        (VALUES, "Average", 2.5),
        (VALUES, "Minimum", 1),
        (VALUES, "Maximum", 4),
        (VALUES, "p50", 2.5),
        (VALUES, "p100", 4),
        (LATENCIES, "Average", 19.9),
        (LATENCIES, "p50", 10),
        (LATENCIES, "p99", pytest.approx(19.9)),
        (LATENCIES, "p99.9", pytest.approx(901.99)),
        (SET, "Average", 5),
        (SET, "Maximum", 9),
        # The single values of a statistic set are unknown.
        (SET, "p90", None),
        ([Sample(0, 1, -1, -1, -1)], "p90", None),
        ([], "Sum", None),
        ([Sample(0, 0, 0, 0, 0)], "Average", None),
    ],
)
def test_statistics_weigh_each_sample_by_its_count(samples: list[Sample], name: str, value: float | None) -> None:
    assert statistic(samples, name) == value


@pytest.mark.parametrize(
    ("name", "known"),
    [("Sum", True), ("p99", True), ("p99.95", True), ("p101", False), ("tm99", False), ("IQM", False)],
)
def test_basic_statistics_and_percentiles_are_known(name: str, known: bool) -> None:
    assert is_known(name) is known


def test_a_datapoint_holds_the_samples_of_its_period_the_beginning_included() -> None:
    samples = [Sample(time, 1, 1, 1, 1) for time in (59.9, 60, 119.9, 120, 240)]
    found = datapoints(samples, "Sum", end=240, period=60, count=3)
    assert found == [Datapoint(60, 2.0), Datapoint(120, 1.0), Datapoint(180, None)]


def test_with_a_unit_other_samples_are_not_looked_at() -> None:
    samples = [Sample(0, 1, 1, 1, 1, "Count"), Sample(0, 1, 5, 5, 5, "Seconds")]
    assert datapoints(samples, "Sum", end=60, period=60, count=1, unit="Seconds") == [Datapoint(0, 5.0)]
    assert datapoints(samples, "Sum", end=60, period=60, count=1) == [Datapoint(0, 6.0)]
