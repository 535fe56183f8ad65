"""One server process: healthy in time or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelyard.local import children
from modelyard.local.sagemaker.hosting.server_process import ServerProcess, StartUpFailed

SERVER = """
import http.server, os, sys
print("pid", os.getpid(), flush=True)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(sys.argv[2]))
        self.end_headers()
    def log_message(self, *arguments): ...
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def python(program: str, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", program, *arguments]
    return children.spawn(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_server_is_healthy_when_it_answers_a_ping_and_ends_when_stopped() -> None:
    lines: list[str] = []
    server = ServerProcess("s", lambda port: python(SERVER, str(port), "200"), 30, lines.append)
    server.start()
    assert server.healthy
    server.stop()
    assert not server.healthy
    assert ended(int(lines[0].split()[1]))


def test_a_server_that_is_never_healthy_is_ended_when_its_time_is_over() -> None:
    lines: list[str] = []
    server = ServerProcess("s", lambda port: python(SERVER, str(port), "503"), 1.5, lines.append)
    with pytest.raises(StartUpFailed) as failed:
        server.start()
    assert str(failed.value) == "no healthy answer within 1.5 seconds"
    assert ended(int(lines[0].split()[1]))


def test_a_program_that_ends_is_told_with_its_exit_code_and_all_its_output() -> None:
    lines: list[str] = []
    program = "print('one'); print('two'); raise SystemExit(3)"
    server = ServerProcess("s", lambda port: python(program), 30, lines.append)
    with pytest.raises(StartUpFailed) as failed:
        server.start()
    assert str(failed.value) == "the process ended with exit code 3"
    assert lines == ["one", "two"]


def test_a_program_that_is_missing_is_named(tmp_path: Path) -> None:
    def launch(port: int) -> subprocess.Popen[bytes]:
        return children.spawn(["serve"], env={"PATH": str(tmp_path)}, stdout=subprocess.PIPE)

    with pytest.raises(StartUpFailed) as failed:
        ServerProcess("s", launch, 30, print).start()
    assert str(failed.value) == "No such file or directory: serve"


def test_a_stopped_server_is_not_started() -> None:
    server = ServerProcess("s", lambda port: python(SERVER, str(port), "200"), 30, print)
    server.stop()
    with pytest.raises(StartUpFailed, match="it was stopped"):
        server.start()
