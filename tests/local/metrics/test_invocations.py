from __future__ import annotations

import threading
from typing import Any

import pytest

from modelyard.local.metrics.invocations import Invocations, Variant

VARIANT = Variant("111122223333", "eu-west-1", "abalone", "AllTraffic", "abalone-1")
BOTH = [{"EndpointName", "VariantName"}, {"EndpointName", "VariantName", "EndpointConfigName"}]


def record(invocations: Invocations, status: int = 200, latency: float | None = 1000.0, **more: Any) -> None:
    given = {"variant": VARIANT, "overhead_us": 100.0, "instances": 1, **more}
    invocations.record(status=status, model_latency_us=latency, **given)


def taken(invocations: Invocations) -> dict[str, list[dict[float, float]]]:
    """Metric to value and count of it, for each set of dimensions, the smaller first."""
    found: dict[str, list[dict[float, float]]] = {}
    for _account, _region, data in invocations.take(1_800_000_000.0):
        for datum in data:
            assert {each["Name"] for each in datum["Dimensions"]} in BOTH
            counted = dict(zip(datum["Values"], datum["Counts"], strict=True))
            found.setdefault(datum["MetricName"], []).append(counted)
    return found


@pytest.mark.parametrize(
    ("status", "client_error", "server_error", "model_error"),
    [(200, 0, 0, 0), (400, 1, 0, 1), (429, 1, 0, 1), (500, 0, 1, 1), (503, 0, 1, 1), (0, 0, 0, 1), (302, 0, 0, 1)],
)
def test_each_answer_counts_as_what_it_is(status: int, client_error: int, server_error: int, model_error: int) -> None:
    invocations = Invocations()
    record(invocations, status)
    found = taken(invocations)
    assert found["Invocations"] == [{1.0: 1.0}] * 2
    assert found["Invocation4XXErrors"] == [{client_error: 1.0}] * 2
    assert found["Invocation5XXErrors"] == [{server_error: 1.0}] * 2
    assert found["InvocationModelErrors"] == [{model_error: 1.0}] * 2


def test_an_invocation_counts_by_the_share_of_an_instance() -> None:
    invocations = Invocations()
    for instances in (1, 4, 4):
        record(invocations, instances=instances)
    assert taken(invocations)["InvocationsPerInstance"] == [{1.0: 1.0, 0.25: 2.0}] * 2


def test_a_model_that_did_not_answer_has_no_latency() -> None:
    invocations = Invocations()
    record(invocations, 0, None)
    assert "ModelLatency" not in taken(invocations)


def test_latencies_are_kept_to_within_one_percent_as_few_values() -> None:
    invocations = Invocations()
    latencies = [1000.0 + 7 * step for step in range(1000)]
    for latency in latencies:
        record(invocations, latency=latency)
    (counted, _same) = taken(invocations)["ModelLatency"]
    assert sum(counted.values()) == len(latencies)
    assert len(counted) < 120
    kept = sorted(value for value, count in counted.items() for _ in range(int(count)))
    assert all(abs(value - latency) <= 0.0101 * latency for value, latency in zip(kept, latencies, strict=True))


def test_no_datum_has_more_values_than_put_metric_data_takes() -> None:
    invocations = Invocations()
    for step in range(400):
        record(invocations, latency=100 * 1.05**step)
    sizes = [len(datum["Values"]) for _account, _region, data in invocations.take(0) for datum in data]
    assert max(sizes) == 150
    assert sum(size for size in sizes) > 2 * 380


def test_what_was_taken_is_not_taken_again() -> None:
    invocations = Invocations()
    record(invocations)
    assert taken(invocations)
    assert not taken(invocations)


def test_accounts_and_regions_are_kept_apart() -> None:
    invocations = Invocations()
    record(invocations)
    record(invocations, variant=Variant("444455556666", "us-east-1", "abalone", "AllTraffic", "abalone-1"))
    assert {(account, region) for account, region, _data in invocations.take(0)} == {
        ("111122223333", "eu-west-1"),
        ("444455556666", "us-east-1"),
    }


def test_nothing_is_lost_between_threads() -> None:
    invocations = Invocations()

    def call() -> None:
        for _ in range(500):
            record(invocations)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken(invocations)["Invocations"] == [{1.0: 4000.0}] * 2
