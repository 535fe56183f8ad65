"""The processes of one job: one for each instance, watched without polling."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from modelyard.local import children
from modelyard.local.sagemaker.jobs.mounts import kill_namespace, mount, namespace_of

__all__ = ["ProcessGroup"]

Ended = tuple[str, int]

# Without namespaces a process may escape; its job does not wait for it.
_OUTPUT_SECONDS = 2.0
_QUICK_SECONDS = 0.05


class ProcessGroup:
    """Runs one process a host until all have ended, one has failed, the time is over or ``stop`` is called."""

    def __init__(self, stop_seconds: float) -> None:
        self._stop_seconds = stop_seconds
        self._ended: queue.Queue[Ended | None] = queue.Queue()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

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
        process = children.spawn(
            mounted.command,
            cwd=home,
            env=mounted.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec=mounted.preexec,
        )
        self._processes[host] = process
        assert process.stdout is not None
        reader = threading.Thread(target=_read, args=(process.stdout, on_line), name=f"output-{host}", daemon=True)
        namespace = namespace_of(process.pid) if mounted.preexec else None
        arguments = (host, process, reader, namespace)
        waiter = threading.Thread(target=self._wait_for, args=arguments, name=f"wait-{host}", daemon=True)
        reader.start()
        waiter.start()
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

    def _wait_for(
        self, host: str, process: subprocess.Popen[bytes], reader: threading.Thread, namespace: str | None
    ) -> None:
        code = process.wait()
        # An instance ends with its first process, as a container does; what that left would keep its output open.
        _signal_session(process.pid, signal.SIGKILL)
        reader.join(timeout=_QUICK_SECONDS)
        if namespace is not None and reader.is_alive():
            kill_namespace(namespace)
        reader.join(timeout=_OUTPUT_SECONDS)
        self._ended.put((host, code))
        # Looking at every process takes a while, so it is done when nobody waits for it.
        if namespace is not None:
            kill_namespace(namespace)

    def _signal(self, number: int) -> None:
        for process in self._processes.values():
            if process.returncode is None:
                _signal_session(process.pid, number)


def _signal_session(leader: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def _read(output: IO[bytes], on_line: Callable[[str], None]) -> None:
    with output:
        for line in output:
            on_line(line.decode(errors="replace").rstrip("\r\n"))
