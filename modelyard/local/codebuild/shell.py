"""One shell for all commands of a build: what a command exports, or the folder it goes to, is there for the next."""

from __future__ import annotations

import contextlib
import queue
import secrets
import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from modelyard.local import children

__all__ = ["Shell"]

_OUTPUT_SECONDS = 2.0


class Shell:
    """Runs commands one after the other; ``on_line`` is told each line of their output."""

    def __init__(self, program: str, folder: Path, environment: Mapping[str, str], on_line: Callable[[str], None]):
        self._program = program
        self._folder = folder
        self._environment = environment
        self._on_line = on_line
        # Tells the end of a command from what it prints.
        self._mark = secrets.token_hex(16)
        self._codes: queue.Queue[int | None] = queue.Queue()
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._killed = threading.Event()

    def run(self, command: str, deadline: float) -> int | None:
        """The exit code of ``command``; None where it was not over at ``deadline`` (monotonic), or ``kill`` was called.

        A command that ends the shell itself (`exit 1`) ends as the shell does; the next one gets a new shell.
        """
        if self._process is None:
            self._start()
        # `kill` sets it before it looks for a process, so one of the two sees what the other did.
        if self._killed.is_set():
            return None
        assert self._process is not None and self._process.stdin is not None
        # Under `set -x` the shell prints what it runs: the mark is to be found where it is meant alone.
        line = f'eval {shlex.quote(command)} </dev/null 3>&-; {{ echo "{self._mark} $?" >&3; }} 2>/dev/null\n'
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
        try:
            code = self._codes.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            self.close()
            return None
        if self._killed.is_set():
            return None
        return self._ended() if code is None else code

    def kill(self) -> None:
        """End the command that runs, from another thread."""
        self._killed.set()
        process = self._process
        if process is not None:
            children.stop(process, grace_seconds=0)

    def close(self) -> None:
        """End the shell and what it started."""
        if self._process is not None:
            children.stop(self._process)
            self._ended()

    def _ended(self) -> int:
        assert self._process is not None and self._reader is not None
        code = self._process.wait()
        self._reader.join(timeout=_OUTPUT_SECONDS)
        self._process, self._codes = None, queue.Queue()
        return code if code >= 0 else 128 - code

    def _start(self) -> None:
        self._process = children.spawn(
            [self._program],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self._process.stdin is not None
        # The end of a command is told on a descriptor that no command has.
        self._process.stdin.write(b"exec 3>&1\n")
        arguments = (self._process, self._codes)
        self._reader = threading.Thread(target=self._read, args=arguments, name="build-output", daemon=True)
        self._reader.start()

    def _read(self, process: subprocess.Popen[bytes], codes: queue.Queue[int | None]) -> None:
        assert process.stdout is not None
        for raw in process.stdout:
            text, mark, code = raw.decode(errors="replace").rstrip("\r\n").partition(self._mark)
            if text or not mark:
                self._on_line(text)
            if mark:
                codes.put(int(code))
        codes.put(None)
