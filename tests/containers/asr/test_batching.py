"""Concurrent requests share batches, and none waits longer than it must or is lost."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any

import pytest

from tests.containers.asr.image import module

batching = module("batching")


class Gate:
    """A function of a batch that runs when it is let, and remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = threading.Event()
        self.open = threading.Event()

    def __call__(self, items: list[int]) -> list[int]:
        self.batches.append(items)
        self.begun.set()
        assert self.open.wait(10)
        if 13 in items:
            raise ArithmeticError("thirteen")
        return [2 * item for item in items]


def test_what_comes_while_a_batch_runs_makes_the_next_batches_of_at_most_the_size() -> None:
    gate = Gate()
    batcher = batching.Batcher(gate, size=3, wait=0.001)
    futures = [batcher.submit(0)]
    assert gate.begun.wait(10)
    futures += [batcher.submit(number) for number in range(1, 8)]
    gate.open.set()
    assert [future.result(10) for future in futures] == [2 * number for number in range(8)]
    assert gate.batches == [[0], [1, 2, 3], [4, 5, 6], [7]]


def test_a_batch_waits_for_others_and_no_longer_than_it_is_told() -> None:
    gate = Gate()
    gate.open.set()
    batcher = batching.Batcher(gate, size=2, wait=0.3)
    begun = time.monotonic()
    assert batcher.submit(1).result(10) == 2
    alone = time.monotonic() - begun
    begun = time.monotonic()
    assert [future.result(10) for future in (batcher.submit(1), batcher.submit(2))] == [2, 4]
    assert time.monotonic() - begun < 0.25 < alone
    assert gate.batches == [[1], [1, 2]]


def test_a_failure_meets_its_own_batch_alone() -> None:
    gate = Gate()
    batcher = batching.Batcher(gate, size=2, wait=0.001)
    first = batcher.submit(1)
    assert gate.begun.wait(10)
    failing = [batcher.submit(13), batcher.submit(2)]
    after = batcher.submit(3)
    gate.open.set()
    assert (first.result(10), after.result(10)) == (2, 6)
    for future in failing:
        with pytest.raises(ArithmeticError, match="thirteen"):
            future.result(10)


@pytest.mark.parametrize("function", [lambda items: items[1:], lambda items: [*items, 0]])
def test_a_wrong_number_of_results_is_an_error_and_no_mix_up(function: Callable[[list[int]], Any]) -> None:
    future = batching.Batcher(function, size=2, wait=0.001).submit(1)
    with pytest.raises(ValueError, match="zip"):
        future.result(10)


def test_what_nobody_waits_for_any_more_is_not_run() -> None:
    gate = Gate()
    batcher = batching.Batcher(gate, size=3, wait=0.001)
    first = batcher.submit(0)
    assert gate.begun.wait(10)
    cancelled, kept = batcher.submit(1), batcher.submit(2)
    assert cancelled.cancel()
    gate.open.set()
    assert (first.result(10), kept.result(10)) == (0, 4)
    assert gate.batches == [[0], [2]]
    with pytest.raises(CancelledError):
        cancelled.result(0)


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([], []),
        ([5], [[0]]),
        ([1, 9, 10, 5, 4], [[2, 1, 3], [4], [0]]),
        ([7, 7, 7], [[0, 1, 2]]),
    ],
)
def test_recordings_are_padded_to_twice_their_length_at_most(lengths: list[int], expected: list[list[int]]) -> None:
    assert batching.groups(lengths) == expected
