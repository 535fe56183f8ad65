"""Processes of the local AWS that must not outlive it.

A child leads its own session, so that one signal ends it with everything it started. On Linux the kernel kills it when
the server dies; whatever slips through (its own children, ministack's Lambda workers) is killed by the supervisor, see
``supervisor.py``.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import signal
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import IO, Any

__all__ = ["prctl", "same_package", "set_parent_death_signal", "spawn", "stop"]

PR_SET_PDEATHSIG = 1
File = int | IO[Any] | None

prctl: Any = None
if sys.platform == "linux":
    # PyDLL keeps the GIL, so the call between fork and exec cannot wait for another thread.
    prctl = ctypes.PyDLL(None, use_errno=True).prctl

_requests: queue.Queue[tuple[Future[subprocess.Popen[bytes]], Callable[[], subprocess.Popen[bytes]]]] = queue.Queue()
_forker_lock = threading.Lock()
_forker: threading.Thread | None = None


def set_parent_death_signal(number: int = signal.SIGKILL) -> None:
    """Let the kernel send this process the signal ``number`` when its parent thread ends; nothing but on Linux."""
    if prctl is not None:
        prctl(PR_SET_PDEATHSIG, int(number))


def same_package(environment: Mapping[str, str]) -> dict[str, str]:
    """The ``PYTHONPATH`` by which a child in that environment imports the very package that this process is of.

    An installed package is found without one: ``site-packages`` there would come before the standard library.
    """
    place = Path(__file__).parents[2]
    own = [] if place == Path(sysconfig.get_path("purelib")) else [str(place)]
    return {"PYTHONPATH": os.pathsep.join(filter(None, [*own, environment.get("PYTHONPATH", "")]))}


def spawn(
    command: Sequence[str | Path],
    *,
    cwd: str | Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: File = subprocess.DEVNULL,
    stdout: File = subprocess.DEVNULL,
    stderr: File = subprocess.DEVNULL,
    preexec: Callable[[], None] | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start ``command`` in a session of its own; it is killed when the server dies, however that happens.

    ``preexec`` runs in the child before the program does; it must be short and take no lock. Raises what
    ``subprocess.Popen`` raises, ``FileNotFoundError`` for a missing program among it.
    """
    started: Future[subprocess.Popen[bytes]] = Future()

    def prepare() -> None:
        set_parent_death_signal()
        if preexec is not None:
            preexec()

    def fork() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env=None if env is None else dict(env),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            preexec_fn=prepare if prctl is not None or preexec is not None else None,
            pass_fds=pass_fds,
        )

    _start_forker()
    _requests.put((started, fork))
    return started.result()


def stop(process: subprocess.Popen[bytes], grace_seconds: float = 5.0) -> int:
    """End ``process`` and its session: SIGTERM, then SIGKILL after ``grace_seconds``. Returns its exit code."""
    _signal_group(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=grace_seconds)
    _signal_group(process.pid, signal.SIGKILL)
    return process.wait()


def _signal_group(leader: int, number: int) -> None:
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):
        return


def _start_forker() -> None:
    global _forker
    with _forker_lock:
        if _forker is None or not _forker.is_alive():
            _forker = threading.Thread(target=_fork_forever, name="children", daemon=True)
            _forker.start()


def _fork_forever() -> None:
    # The parent death signal comes when the forking *thread* ends: this one lives as long as the process.
    while True:
        started, fork = _requests.get()
        try:
            started.set_result(fork())
        except BaseException as error:
            started.set_exception(error)
