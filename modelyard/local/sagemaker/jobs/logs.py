"""The output of a job's process, sent to CloudWatch Logs in small batches."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Any

__all__ = ["LogStream"]

log = logging.getLogger("modelyard.local.sagemaker.jobs")

_BATCH_SECONDS = 0.2
_MOST_EVENTS = 1000
_LONGEST = 200_000

# Groups are made once; the client stands for account, region and server.
_groups: set[tuple[int, str]] = set()


class LogStream:
    """A log stream, made in the background once it is opened. Writing never waits for CloudWatch Logs.

    ``tail`` holds the last lines.
    """

    def __init__(self, client: Any, group: str, name: str) -> None:
        self.name = name
        self.tail: deque[str] = deque(maxlen=20)
        self._client = client
        self._group = group
        self._lines: list[tuple[int, str]] = []
        self._changed = threading.Condition()
        self._closed = False
        self._sender: threading.Thread | None = None

    def open(self) -> None:
        """Make the stream; a stream that is never opened takes no lines."""
        self._sender = threading.Thread(target=self._send, name=f"log-{self.name}", daemon=True)
        self._sender.start()

    def write(self, line: str) -> None:
        """Add one line, without its end."""
        with self._changed:
            self.tail.append(line)
            self._lines.append((int(time.time() * 1000), line[:_LONGEST] or " "))
            self._changed.notify_all()

    def end(self) -> None:
        """Say that no line follows, so that what there is is sent at once."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def close(self) -> None:
        """Wait until every line is sent."""
        self.end()
        if self._sender is not None:
            self._sender.join()

    def _send(self) -> None:
        self._make_stream()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._lines)
                self._changed.wait_for(lambda: self._closed, timeout=_BATCH_SECONDS)
                lines, self._lines = self._lines, []
                closed = self._closed
            for start in range(0, len(lines), _MOST_EVENTS):
                events = [{"timestamp": at, "message": line} for at, line in lines[start : start + _MOST_EVENTS]]
                self._try(
                    self._client.put_log_events,
                    logGroupName=self._group,
                    logStreamName=self.name,
                    logEvents=events,
                )
            if closed:
                return

    def _make_stream(self) -> None:
        known = (id(self._client), self._group)
        missing = self._client.exceptions.ResourceNotFoundException
        for _ in range(2):
            if known not in _groups:
                self._try(self._client.create_log_group, logGroupName=self._group)
                _groups.add(known)
            try:
                self._client.create_log_stream(logGroupName=self._group, logStreamName=self.name)
                return
            except missing:  # somebody has deleted the group
                _groups.discard(known)
            except Exception:
                log.exception("the log stream %s was not made", self.name)
                return

    def _try(self, call: Any, **arguments: Any) -> None:
        # A job's result does not hang on its logs.
        try:
            call(**arguments)
        except self._client.exceptions.ResourceAlreadyExistsException:
            pass
        except Exception:
            log.exception("the output of %s was not written", self.name)
