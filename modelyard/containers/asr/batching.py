"""Puts what concurrent requests bring into batches, for one thread that runs them."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """Runs `function` on up to `size` items at once, in a thread of its own.

    Args:
        function: from items to as many results, in their order.
        size: the most items of a batch.
        wait: how many seconds the first item of a batch waits for others.
    """

    def __init__(self, function: Callable[[list[Item]], Sequence[Result]], *, size: int, wait: float) -> None:
        self._function = function
        self._size = size
        self._wait = wait
        self._queue: queue.SimpleQueue[tuple[Item, Future[Result]]] = queue.SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def submit(self, item: Item) -> Future[Result]:
        """The result to come; it raises what `function` raised for the batch."""
        future: Future[Result] = Future()
        self._queue.put((item, future))
        return future

    def _work(self) -> None:
        while True:
            # Nobody waits any more for what was cancelled.
            batch = [(item, future) for item, future in self._batch() if future.set_running_or_notify_cancel()]
            if not batch:
                continue
            try:
                results = self._function([item for item, _ in batch])
                answered = list(zip(batch, results, strict=True))
            except Exception as error:
                for _, future in batch:
                    future.set_exception(error)
                continue
            for (_, future), result in answered:
                future.set_result(result)

    def _batch(self) -> list[tuple[Item, Future[Result]]]:
        batch = [self._queue.get()]
        deadline = time.monotonic() + self._wait
        while len(batch) < self._size:
            try:
                batch.append(self._queue.get(timeout=max(0.0, deadline - time.monotonic())))
            except queue.Empty:
                break
        return batch


def groups(lengths: Sequence[int]) -> list[list[int]]:
    """Indices of recordings to run together, longest first: padding at most doubles any of them."""
    result: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        if result and 2 * lengths[index] >= lengths[result[-1][0]]:
            result[-1].append(index)
        else:
            result.append([index])
    return result
