"""The processes of one job: one for each instance, watched without polling."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from modelyard.local.launching import Launched, Launcher
from modelyard.local.namespaces import kill_namespace
from modelyard.local.sagemaker.jobs.mounts import mount

__all__ = ["ProcessGroup"]

Ended = tuple[str, int]

# Without namespaces a process may escape; its job does not wait for it.
_OUTPUT_SECONDS = 2.0
_QUICK_SECONDS = 0.05


class ProcessGroup:
    """Runs one process a host until all have ended, one has failed, the time is over or ``stop`` is called."""

    def __init__(self, launcher: Launcher, stop_seconds: float) -> None:
        self._launcher = launcher
        self._stop_seconds = stop_seconds
        self._ended: queue.Queue[Ended | None] = queue.Queue()
        self._processes: dict[str, Launched] = {}

    def start(
        self,
        host: str,
        folder: Path,
        command: Sequence[str],
        environment: Mapping[str, str],
        home: Path,
        on_line: Callable[[str], None],
    ) -> Callable[[str], str]:
        """Start ``command`` with ``folder`` as ``/opt/ml``. Returns ``Mounted.explain``; raises ``OSError``."""
        mounted = mount(folder, command, environment)
        output, written = os.pipe()
        reader = threading.Thread(target=_read, args=(output, on_line), name=f"output-{host}", daemon=True)
        reader.start()
        try:
            process = self._launcher.start(
                mounted.command, cwd=home, environment=mounted.environment, output=written, folder=mounted.folder
            )
        finally:
            os.close(written)
        self._processes[host] = process
        arguments = (host, folder, process, reader)
        threading.Thread(target=self._wait_for, args=arguments, name=f"wait-{host}", daemon=True).start()
        return mounted.explain

    def stop(self) -> None:
        """Ask for the end: SIGTERM now, SIGKILL when the time to stop is over. Returns at once."""
        self._ended.put(None)

    def kill(self) -> None:
        """End every process at once."""
        self._signal(signal.SIGKILL)

    def wait(self, seconds: float | None) -> tuple[dict[str, int], bool]:
        """Exit codes by host, the first to end first, and whether ``seconds`` went by before that.

        A process that fails ends the others.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        codes: dict[str, int] = {}
        timed_out = False
        ending = False
        while len(codes) < len(self._processes):
            try:
                ended = self._ended.get(timeout=None if deadline is None else max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                timed_out = timed_out or not ending
                self._signal(signal.SIGKILL if ending else signal.SIGTERM)
                deadline, ending = (None if ending else time.monotonic() + self._stop_seconds), True
                continue
            if ended is not None:
                codes[ended[0]] = ended[1]
            if (ended is None or ended[1] != 0) and not ending:
                self._signal(signal.SIGTERM)
                deadline, ending = time.monotonic() + self._stop_seconds, True
        return codes, timed_out

    def _wait_for(self, host: str, folder: Path, process: Launched, reader: threading.Thread) -> None:
        code = process.code.result()
        # An instance ends with its first process, as a container does; what that left would keep its output open.
        _signal_session(process.pid, signal.SIGKILL)
        reader.join(timeout=_QUICK_SECONDS)
        if process.namespace is not None and reader.is_alive():
            kill_namespace(process.namespace, folder)
        reader.join(timeout=_OUTPUT_SECONDS)
        self._ended.put((host, code))
        # Looking at every process takes a while, so it is done when nobody waits for it.
        if process.namespace is not None:
            kill_namespace(process.namespace, folder)

    def _signal(self, number: int) -> None:
        for process in self._processes.values():
            if not process.code.done():
                _signal_session(process.pid, number)


def _signal_session(leader: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def _read(output: int, on_line: Callable[[str], None]) -> None:
    with open(output, "rb") as lines:
        for line in lines:
            on_line(line.decode(errors="replace").rstrip("\r\n"))
