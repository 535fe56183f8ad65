"""Work that is done again and again beside a job's processes."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator

from modelyard.local.sagemaker.context import Context

__all__ = ["repeating"]

log = logging.getLogger("modelyard.local.sagemaker.jobs")


@contextlib.contextmanager
def repeating(context: Context, name: str, work: Callable[[], None], seconds: float) -> Iterator[None]:
    """Do ``work`` every so many ``seconds`` on a thread of its own until the block ends; a failure is only logged.

    No ``work`` is under way any more when the block has ended.
    """
    over = threading.Event()

    def run() -> None:
        while not over.wait(seconds):
            try:
                work()
            except Exception:
                log.exception("%s failed, and is tried again", name)

    thread = context.spawn(name, run)
    try:
        yield
    finally:
        over.set()
        thread.join()
