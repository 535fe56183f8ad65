"""Starts the processes of jobs from a small process: ``python -m modelyard.local.launcher FD``.

A fork copies the page tables of the process that forks, so from the server, which is large, it takes ten times as long
as from here, and holds up everything else meanwhile. Requests and answers go over the socket FD: a request is a length
and JSON, sent with the descriptor that the new process writes its output to; an answer is a line of JSON.

The launcher is killed with the server, and what it started with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import Any

from modelyard.local import children, namespaces

__all__ = ["LENGTH", "main"]

LENGTH = struct.Struct("!I")


def main(descriptor: int) -> None:
    """Serve the socket ``descriptor`` until it is closed."""
    os.set_inheritable(descriptor, False)
    connection = socket.socket(fileno=descriptor)
    ended, on_end = os.pipe()
    os.set_blocking(on_end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(on_end, warn_on_full_buffer=False)
    selector = selectors.DefaultSelector()
    selector.register(connection, selectors.EVENT_READ)
    selector.register(ended, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fd == ended:
                os.read(ended, 4096)
                _report_ended(connection)
            elif not _serve(connection):
                return


def _serve(connection: socket.socket) -> bool:
    header, descriptors, _, _ = socket.recv_fds(connection, LENGTH.size, 1)
    if not header:
        return False
    header += _exactly(connection, LENGTH.size - len(header))
    request = json.loads(_exactly(connection, LENGTH.unpack(header)[0]))
    _answer(connection, {"id": request["id"], **_start(request, descriptors[0])})
    os.close(descriptors[0])
    return True


def _exactly(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        received += connection.recv(size - len(received))
    return received


def _start(request: dict[str, Any], output: int) -> dict[str, Any]:
    """Fork and exec: the process id and its mount namespace, or the error number of what went wrong in the child."""
    said, on_said = os.pipe()
    launcher, pid = os.getpid(), os.fork()
    if pid == 0:
        try:
            _become(request, output, on_said, launcher)
        except OSError as error:
            os.write(on_said, f" {error.errno or 1}".encode())
        finally:
            os._exit(127)
    os.close(on_said)
    # The exec closes it; a child that gets that far has said its namespace, any other says why it did not.
    with open(said, "rb") as file:  # noqa: PTH123 - a descriptor
        namespace, _, reason = file.read().decode().partition(" ")
    return {"pid": pid, "namespace": namespace, **({"error": int(reason)} if reason else {})}


def _become(request: dict[str, Any], output: int, on_said: int, launcher: int) -> None:
    os.setsid()
    children.set_parent_death_signal()
    if os.getppid() != launcher:
        os._exit(1)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, its children should not
        signal.signal(number, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.close(output)
    os.chdir(request["cwd"])
    if request["folder"] is not None:
        namespaces.enter(Path(request["folder"]))
        os.write(on_said, (namespaces.namespace_of(os.getpid()) or "").encode())
    command = request["command"]
    os.execvpe(command[0], command, request["environment"])


def _report_ended(connection: socket.socket) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            _answer(connection, {"pid": pid, "code": os.waitstatus_to_exitcode(status)})


def _answer(connection: socket.socket, answer: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):
        connection.sendall(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
