"""One server process on a loopback port: started, pinged, watched, started again, stopped."""

from __future__ import annotations

import http.client
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from typing import IO, Protocol

from modelyard.local import children

__all__ = ["Launch", "ServerProcess", "StartUpFailed"]

# "The request timeout on /ping attempts is 2 seconds":
# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
_PING_SECONDS = 2.0
_WATCH_SECONDS = 5.0
_MOST_FAILED_PINGS = 3
_BACK_OFF_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_STOP_SECONDS = 5.0


class StartUpFailed(Exception):
    """The process ended, or was not healthy in time."""


class Launch(Protocol):
    """Starts the program so that it listens on ``port`` of 127.0.0.1, its output a pipe; raises ``OSError``."""

    def __call__(self, port: int) -> subprocess.Popen[bytes]: ...


class ServerProcess:
    """A program that answers ``GET /ping`` with 200 when it can serve.

    Should it end before it was healthy once, its start has failed at once; SageMaker would start it again until the
    time-out, which tells a developer the same, minutes later. Once it was healthy it is kept so: should it end, or fail
    three pings in a row, it is started again, at ever longer intervals; ``losses`` counts how often. ``on_line`` is
    called with each line of its output.
    """

    def __init__(self, name: str, launch: Launch, start_up_seconds: float, on_line: Callable[[str], None]) -> None:
        self.port = 0
        self.healthy = False
        self.losses = 0
        self._name = name
        self._launch = launch
        self._start_up_seconds = start_up_seconds
        self._on_line = on_line
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._stopping = threading.Event()
        self._changing = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The process id, None while none runs."""
        process = self._process
        return process.pid if process is not None else None

    def start(self) -> None:
        """Return when the process is healthy; raises ``StartUpFailed`` when it will not be, leaving nothing running."""
        try:
            self._start_once()
        except StartUpFailed:
            self.stop()
            raise
        threading.Thread(target=self._keep_alive, name=f"watch-{self._name}", daemon=True).start()

    def stop(self) -> None:
        """End the process for good; returns when it has ended and its output is read."""
        self._stopping.set()
        self._end()

    def _start_once(self) -> None:
        with self._changing:
            if self._stopping.is_set():
                raise StartUpFailed("it was stopped")
            self.port = _free_port()
            try:
                process = self._process = self._launch(self.port)
            except OSError as error:
                raise StartUpFailed(f"{error.strerror or error}: {error.filename}") from None
        assert process.stdout is not None
        self._reader = threading.Thread(
            target=_read, args=(process.stdout, self._on_line), name=f"output-{self._name}", daemon=True
        )
        self._reader.start()
        self._wait_until_healthy(process)
        self.healthy = True

    def _wait_until_healthy(self, process: subprocess.Popen[bytes]) -> None:
        started = time.monotonic()
        while not self._ping():
            elapsed = time.monotonic() - started
            if process.poll() is not None:
                self._end()
                raise StartUpFailed(f"the process ended with exit code {process.returncode}")
            if elapsed > self._start_up_seconds:
                raise StartUpFailed(f"no healthy answer within {self._start_up_seconds:g} seconds")
            # Often at first: a small model is ready in a fraction of a second.
            if self._stopping.wait(0.02 if elapsed < 5 else 0.25):
                raise StartUpFailed("it was stopped")

    def _keep_alive(self) -> None:
        failures = 0
        while self._serve_until_dead():
            self.healthy = False
            self.losses += 1
            self._on_line("[modelyard] the server process ended or does not answer; it is started again")
            while not self._stopping.wait(_BACK_OFF_SECONDS[min(failures, len(_BACK_OFF_SECONDS) - 1)]):
                self._end()
                try:
                    self._start_once()
                    failures = 0
                    break
                except StartUpFailed as error:
                    failures += 1
                    self._on_line(f"[modelyard] the server process did not start: {error}")

    def _serve_until_dead(self) -> bool:
        # False when it was stopped on purpose.
        process, failed = self._process, 0
        while process is not None and failed < _MOST_FAILED_PINGS:
            try:
                process.wait(timeout=_WATCH_SECONDS)
                break
            except subprocess.TimeoutExpired:
                failed = 0 if self._ping() else failed + 1
        return not self._stopping.is_set()

    def _ping(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PING_SECONDS)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _end(self) -> None:
        with self._changing:
            self.healthy = False
            process, self._process = self._process, None
        if process is not None:
            children.stop(process, _STOP_SECONDS)
        if self._reader is not None:
            self._reader.join(timeout=2)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _read(output: IO[bytes], on_line: Callable[[str], None]) -> None:
    with output:
        for line in output:
            on_line(line.decode(errors="replace").rstrip("\r\n"))
