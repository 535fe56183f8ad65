"""The server's side of the launcher."""

from __future__ import annotations

import itertools
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelyard.local import children
from modelyard.local.launcher import LENGTH

__all__ = ["Launched", "Launcher"]

KILLED = -9


@dataclass(frozen=True)
class Launched:
    """A process that runs: its id, which is that of its session too, and its exit code once it has ended.

    ``namespace`` is the mount namespace that it shares with all that it starts; None where it has none of its own.
    """

    pid: int
    namespace: str | None
    code: Future[int]


class Launcher:
    """Starts processes through one launcher process, which is started with the first of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids = itertools.count()
        self._connection: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._listener: threading.Thread | None = None
        self._asked: dict[int, Future[Launched]] = {}
        self._running: dict[int, Future[int]] = {}

    def start(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        output: int,
        folder: Path | None,
    ) -> Launched:
        """Start ``command`` in a session of its own, writing to the descriptor ``output``, with ``folder`` as /opt/ml.

        Raises ``OSError`` when it cannot be started. The process is killed when this one ends.
        """
        asked: Future[Launched] = Future()
        request: dict[str, Any] = {
            "id": next(self._ids),
            "command": list(command),
            "cwd": str(cwd),
            "environment": dict(environment),
            "folder": None if folder is None else str(folder),
        }
        with self._lock:
            connection = self._connect()
            self._asked[request["id"]] = asked
            body = json.dumps(request).encode()
            socket.send_fds(connection, [LENGTH.pack(len(body))], [output])
            connection.sendall(body)
        return asked.result()

    def close(self) -> None:
        """End the launcher, and every process it has started."""
        with self._lock:
            process, listener = self._process, self._listener
        if process is not None and listener is not None:
            process.kill()
            process.wait()
            listener.join()

    def _connect(self) -> socket.socket:
        if self._connection is None:
            self._connection, theirs = socket.socketpair()
            with theirs:
                self._process = children.spawn(
                    [sys.executable, "-m", "modelyard.local.launcher", str(theirs.fileno())],
                    env={**os.environ, **children.same_package(os.environ)},
                    stderr=None,
                    pass_fds=[theirs.fileno()],
                )
            arguments = (self._connection,)
            self._listener = threading.Thread(target=self._listen, args=arguments, name="launcher", daemon=True)
            self._listener.start()
        return self._connection

    def _listen(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as answers:
            for line in answers:
                self._take(json.loads(line))
        with self._lock:
            self._connection = None
            waiting, self._asked = list(self._asked.values()), {}
            running, self._running = list(self._running.values()), {}
        for asked in waiting:
            asked.set_exception(OSError("the launcher of processes has ended"))
        for code in running:
            code.set_result(KILLED)

    def _take(self, answer: dict[str, Any]) -> None:
        if "code" in answer:
            ended = self._running.pop(answer["pid"], None)
            if ended is not None:
                ended.set_result(answer["code"])
            return
        asked = self._asked.pop(answer["id"])
        if "error" in answer:
            asked.set_exception(OSError(answer["error"], os.strerror(answer["error"])))
            return
        launched = Launched(answer["pid"], answer["namespace"] or None, Future())
        self._running[launched.pid] = launched.code
        asked.set_result(launched)
