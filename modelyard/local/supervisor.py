"""The parent of the server process: when the server is gone, it ends everything that the server left behind.

On Linux it adopts orphans (``PR_SET_CHILD_SUBREAPER``), so no process started by the server, however indirectly,
escapes it. Elsewhere it ends the server's process group, and a child in a session of its own may outlive a ``kill -9``.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from modelyard.local import children

__all__ = ["end_children", "supervise"]

PR_SET_CHILD_SUBREAPER = 36


def supervise(serve: Callable[[], None]) -> int:
    """Run ``serve`` in a child process and return its exit code after nothing of it runs any more.

    Must be called before the process has a second thread. SIGTERM and SIGINT are handed to the child; the child gets a
    SIGTERM should this process be killed.
    """
    _adopt_orphans()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    server = os.fork()
    if server == 0:
        children.set_parent_death_signal(signal.SIGTERM)
        os.setpgid(0, 0)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})
        serve()
        os._exit(0)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _kill(server, signal.SIGTERM))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})
    status = _wait_for(server)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(server, signal.SIGKILL)
    end_children()
    return os.waitstatus_to_exitcode(status)


def _wait_for(server: int) -> int:
    # Other processes that end here are orphans that were adopted; they are only reaped.
    while True:
        pid, status = os.wait()
        if pid == server:
            return status


def end_children() -> None:
    """Kill every child of this process, and theirs; for a process that is about to end itself."""
    _adopt_orphans()
    # The children of one that was killed become ours in turn, until none is left.
    while True:
        for pid in _own_children():
            _kill(pid, signal.SIGKILL)
        try:
            os.wait()
        except ChildProcessError:
            return


def _adopt_orphans() -> None:
    if children.prctl is not None:
        children.prctl(PR_SET_CHILD_SUBREAPER, 1)


def _own_children() -> Iterator[int]:
    if sys.platform != "linux":
        return
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            # "pid (comm) state ppid …"; comm may hold spaces and brackets.
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == os.getpid():
                yield int(entry.name)


def _kill(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
