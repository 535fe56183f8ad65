"""Starting, asking, stopping and clearing the local AWS of a project folder."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import modelyard
from modelyard.local.environment import prepare
from modelyard.local.errors import LocalError
from modelyard.local.instance import Instance, Paths

__all__ = ["Start", "Target", "down", "is_healthy", "reset", "running", "target", "up"]

START_SECONDS = 60.0
STOP_SECONDS = 60.0
FALLBACK_ACCOUNT = "000000000000"
FALLBACK_REGION = "us-east-1"


@dataclass(frozen=True)
class Target:
    """The account and region that a local AWS stands for."""

    account: str
    region: str


def target(project: Path, account: str = "", region: str = "") -> Target:
    """What is asked for; else account and region of the first stage in ``platform.yaml``; without that file
    000000000000 in us-east-1.
    """
    if account and not re.fullmatch(r"[0-9]{12}", account):
        raise LocalError(f"--account: {account!r} is not an AWS account id: 12 digits")
    if region and not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-[0-9]", region):
        raise LocalError(f"--region: {region!r} is not an AWS region such as us-east-1")
    stage = Target(account, region) if account and region else _first_stage(project)
    return Target(account or stage.account, region or stage.region)


def _first_stage(project: Path) -> Target:
    file = project / "platform.yaml"
    if not file.exists():
        return Target(FALLBACK_ACCOUNT, FALLBACK_REGION)
    from modelyard.settings import ConfigurationError, load_settings

    try:
        stage = load_settings(file).stages[0]
    except ConfigurationError as error:
        raise LocalError(str(error)) from error
    return Target(stage.account, stage.region)


def running(paths: Paths) -> Instance | None:
    """The instance that runs in this folder; the record of one that has ended without `down` is left alone."""
    instance = Instance.read(paths)
    return instance if instance is not None and instance.is_running() else None


@dataclass(frozen=True)
class Start:
    """What ``up`` found or did."""

    instance: Instance
    started: bool
    """False if it was running already."""
    crashed: bool
    """Whether the server before it ended without keeping its state at the end."""


def up(paths: Paths, target: Target, owner: int | None = None, record_calls: bool = False) -> Start:
    """Start the local AWS in the background and wait until it answers.

    It takes up the state of the one before, on the same port if that is free, and ends when the process ``owner`` does
    (None: runs until ``down``). With ``record_calls`` AWS calls are written to ``.modelyard/calls.jsonl``. Raises
    LocalError if it runs already for another account or region, or without that record, or does not come up; then
    nothing runs.
    """
    instance = _answering(paths)
    if instance is not None:
        _check_same(instance, target)
        if record_calls and not instance.records_calls:
            raise LocalError("it runs without a record of calls: `modelyard local down` first")
        return Start(instance, started=False, crashed=False)
    previous = Instance.read(paths)
    paths.root.mkdir(mode=0o700, exist_ok=True)
    command = [sys.executable, "-m", "modelyard.local.server", "--project", str(paths.project)]
    command += ["--account", target.account, "--region", target.region]
    command += ["--port", str(previous.port)] if previous is not None else []
    command += ["--record-calls"] if record_calls else []
    command += ["--owner", str(owner)] if owner is not None else []
    with paths.log.open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=paths.project,
            # The server is of the very package that this command is of.
            env={**os.environ, "PYTHONPATH": str(Path(modelyard.__file__).parents[1])},
        )
    try:
        instance = _await_ready(paths, process)
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if instance.supervisor_pid != process.pid:
        # Another `up` was faster.
        process.terminate()
        process.wait()
        _check_same(instance, target)
        return Start(instance, started=False, crashed=False)
    prepare(instance, paths)
    return Start(instance, started=True, crashed=previous is not None and not previous.ended)


def down(paths: Paths) -> bool:
    """Stop the local AWS and wait until no process of it is left; False if none was running."""
    instance = Instance.read(paths)
    if instance is None:
        return False
    was_running = instance.is_running()
    if was_running:
        os.kill(instance.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while instance.is_running() or instance.is_supervised():
        if time.monotonic() > deadline:
            raise LocalError(f"process {instance.pid} does not end; see {paths.log}, and `kill -9 {instance.pid}`")
        time.sleep(0.02)
    return was_running


def reset(paths: Paths) -> None:
    """Stop the local AWS and remove everything that it keeps in this folder."""
    down(paths)
    shutil.rmtree(paths.root, ignore_errors=True)


def is_healthy(instance: Instance) -> bool:
    """Whether the instance answers."""
    try:
        with urllib.request.urlopen(f"{instance.url}/_ministack/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _answering(paths: Paths) -> Instance | None:
    # One that was killed just now may be there for a moment still.
    deadline = time.monotonic() + START_SECONDS
    while (instance := running(paths)) is not None and not is_healthy(instance):
        if time.monotonic() > deadline:
            raise LocalError(f"process {instance.pid} does not answer on {instance.url}; see {paths.log}")
        time.sleep(0.02)
    return instance


def _check_same(instance: Instance, target: Target) -> None:
    if (instance.account, instance.region) != (target.account, target.region):
        raise LocalError(
            f"it runs for account {instance.account} in {instance.region}, not {target.account} in {target.region}: "
            "`modelyard local down` first"
        )


def _await_ready(paths: Paths, process: subprocess.Popen[bytes]) -> Instance:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise LocalError(f"the server ended with exit code {process.returncode}:\n{_last_lines(paths.log)}")
        instance = running(paths)
        if instance is not None and is_healthy(instance):
            return instance
        time.sleep(0.02)
    raise LocalError(f"the server did not answer within {START_SECONDS:.0f} s:\n{_last_lines(paths.log)}")


def _last_lines(log: Path, count: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
