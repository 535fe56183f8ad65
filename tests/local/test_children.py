"""Processes that must not outlive the one that started them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from modelyard.local import children
from modelyard.local.instance import process_start
from tests.local_aws import ROOT

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]
FAMILY = [
    sys.executable,
    "-c",
    f"import subprocess; p = subprocess.Popen({SLEEP!r}); print(p.pid, flush=True); p.wait()",
]


def wait_gone(pid: int, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while process_start(pid) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    return process_start(pid) is None


def line_of(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


def test_a_child_leads_a_session_of_its_own_and_gets_exactly_its_environment() -> None:
    program = "import os; print(os.getsid(0) == os.getpid(), sorted(os.environ), os.getcwd())"
    child = children.spawn([sys.executable, "-c", program], env={"ONLY": "this"}, cwd="/", stdout=subprocess.PIPE)
    assert line_of(child).startswith("True ['")
    assert child.wait() == 0


def test_a_child_outlives_the_thread_that_asked_for_it() -> None:
    started: list[subprocess.Popen[bytes]] = []
    asking = threading.Thread(target=lambda: started.append(children.spawn(SLEEP, stdout=subprocess.PIPE)))
    asking.start()
    asking.join()
    assert line_of(started[0]) == "up"
    assert started[0].poll() is None
    assert children.stop(started[0]) == -15


def test_a_program_that_is_missing_is_the_callers_error() -> None:
    with pytest.raises(FileNotFoundError):
        children.spawn(["/no/such/program"])


def test_stop_ends_what_the_child_started_too() -> None:
    child = children.spawn(FAMILY, stdout=subprocess.PIPE)
    grandchild = int(line_of(child))
    children.stop(child)
    assert wait_gone(grandchild)


def test_stop_kills_a_child_that_ignores_the_request() -> None:
    child = children.spawn(STUBBORN, stdout=subprocess.PIPE)
    assert line_of(child) == "up"
    assert children.stop(child, grace_seconds=0.1) == -9


def test_stopping_a_child_that_has_ended_gives_its_exit_code() -> None:
    child = children.spawn([sys.executable, "-c", "raise SystemExit(3)"])
    child.wait()
    assert children.stop(child) == 3


def test_preparation_runs_in_the_child() -> None:
    child = children.spawn(["pwd"], stdout=subprocess.PIPE, preexec=lambda: os.chdir("/"))
    assert line_of(child) == "/"
    assert child.wait() == 0


def test_a_child_dies_with_its_killed_parent_even_without_a_supervisor(tmp_path: Path) -> None:
    program = (
        "import sys, subprocess\n"
        "from modelyard.local import children\n"
        f"child = children.spawn({SLEEP!r}, stdout=subprocess.PIPE)\n"
        "child.stdout.readline(); print(child.pid, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child = int(line_of(parent))
    parent.kill()
    parent.communicate()
    assert wait_gone(child)
