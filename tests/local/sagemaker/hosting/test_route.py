"""How requests are split."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from modelyard.local.sagemaker.hosting.fleet import Fleet
from modelyard.local.sagemaker.hosting.route import Route


@pytest.mark.parametrize("percent", [1, 10, 25, 30, 50, 99])
def test_any_run_of_requests_gets_its_share_to_within_one(percent: int) -> None:
    old, new = Fleet([]), Fleet([])
    route = Route([(old, 1 - percent / 100), (new, percent / 100)])
    chosen = [route.next()[0] is new for _ in range(400)]
    sums = [0, *itertools.accumulate(chosen)]
    for start, end in itertools.combinations(range(0, 401, 7), 2):
        assert abs(sums[end] - sums[start] - (end - start) * percent / 100) <= 1


def test_a_fleet_that_stands_by_is_only_asked_last() -> None:
    old, new = Fleet([]), Fleet([])
    route = Route([(old, 1.0)])
    for _ in range(5):
        route.next()
    route.shift([(new, 1.0), (old, 0.0)])
    assert [route.next() for _ in range(5)] == [[new, old]] * 5


def test_every_fleet_is_named_in_every_order() -> None:
    fleets = [Fleet([]) for _ in range(3)]
    route = Route([(fleet, 1 / 3) for fleet in fleets])
    orders = [route.next() for _ in range(9)]
    assert all(set(order) == set(fleets) for order in orders)
    assert Counter(order[0] for order in orders) == dict.fromkeys(fleets, 3)
