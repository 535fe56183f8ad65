"""The server process: how it ends, and what ends with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from modelyard.local import lifecycle
from modelyard.local.instance import process_start
from tests.local.functions import make_function
from tests.local_aws import LocalAws

# It leaves its pid, starts a process in a session of its own, leaves that one's pid too, and never answers.
STUCK = """
import os, subprocess, sys, time, pathlib
def handler(event, context):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    pathlib.Path(event["pids"]).write_text(f"{os.getpid()} {child.pid}")
    time.sleep(600)
"""


def gone(pids: list[int], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while any(process_start(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def pids_in(file: Path, seconds: float = 30) -> list[int]:
    deadline = time.monotonic() + seconds
    while not (file.exists() and file.read_text().count(" ") == 1):
        assert time.monotonic() < deadline, "the function did not start"
        time.sleep(0.02)
    return [int(pid) for pid in file.read_text().split()]


def invoke_stuck_function(aws: LocalAws) -> list[int]:
    """Processes of a function that is being invoked: its own, and one in another session."""
    make_function(aws, "stuck", STUCK)
    file = aws.project_dir / "pids"
    aws.client("lambda").invoke(FunctionName="stuck", InvocationType="Event", Payload=json.dumps({"pids": str(file)}))
    return pids_in(file)


def down(aws: LocalAws) -> None:
    aws.down()


def kill_server(aws: LocalAws) -> None:
    os.kill(aws.instance.pid, signal.SIGKILL)


def kill_supervisor(aws: LocalAws) -> None:
    os.kill(aws.instance.supervisor_pid, signal.SIGKILL)


def interrupt(aws: LocalAws) -> None:
    os.kill(aws.instance.pid, signal.SIGINT)


@pytest.mark.parametrize("end", [down, interrupt, kill_server, kill_supervisor])
def test_no_process_outlives_the_server(own_local_aws: LocalAws, end: Callable[[LocalAws], None]) -> None:
    pids = invoke_stuck_function(own_local_aws)
    assert all(process_start(pid) for pid in pids)
    end(own_local_aws)
    assert gone([own_local_aws.instance.pid, *pids])


def test_down_after_kill_9_waits_until_the_last_process_is_gone(own_local_aws: LocalAws) -> None:
    pids = invoke_stuck_function(own_local_aws)
    kill_server(own_local_aws)
    own_local_aws.down()
    assert gone(pids, seconds=0)


def test_down_ends_a_server_with_a_pending_custom_resource(own_local_aws: LocalAws) -> None:
    aws = own_local_aws
    arn = make_function(aws, "silent", "def handler(event, context):\n    print(event['RequestType'])\n")
    resource = {"Type": "Custom::Silent", "Properties": {"ServiceToken": arn}}
    aws.client("cloudformation").create_stack(
        StackName="pending", TemplateBody=json.dumps({"Resources": {"Silent": resource}})
    )
    aws.down()
    assert gone([aws.instance.pid, aws.instance.supervisor_pid], seconds=0)
    # The stack was cut off: it is said, and it can be deleted.
    assert aws.up().instance.interrupted == ["pending (CREATE_IN_PROGRESS)"]
    stack = aws.client("cloudformation").describe_stacks(StackName="pending")["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_FAILED"
    assert "the local AWS ended" in stack["StackStatusReason"]
    aws.client("cloudformation").delete_stack(StackName="pending")
    aws.client("cloudformation").get_waiter("stack_delete_complete").wait(
        StackName="pending", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )


def test_a_shell_that_was_pointed_at_it_works_after_down_and_up(own_local_aws: LocalAws) -> None:
    before, ssm = own_local_aws.instance, own_local_aws.client("ssm")
    own_local_aws.down()
    after = own_local_aws.up().instance
    assert (after.url, after.access_key, after.secret_key) == (before.url, before.access_key, before.secret_key)
    assert ssm.describe_parameters()["Parameters"] == []


def test_another_account_gets_another_key(own_local_aws: LocalAws) -> None:
    own_local_aws.down()
    target = lifecycle.Target("999988887777", "us-west-2")
    start = lifecycle.up(own_local_aws.paths, target, owner=os.getpid())
    assert start.instance.access_key != own_local_aws.instance.access_key


def test_a_server_ends_with_its_owner_however_that_ends(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, sys, time\n"
        "from modelyard.local import lifecycle\n"
        "from modelyard.local.instance import Paths\n"
        f"start = lifecycle.up(Paths(pathlib.Path({str(tmp_path)!r})), lifecycle.Target('111122223333', 'eu-west-1'),"
        " owner=os.getpid())\n"
        "print(start.instance.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    server = int(owner.stdout.readline())
    owner.kill()
    owner.communicate()
    assert gone([server])
    assert json.loads((tmp_path / ".modelyard" / "server.json").read_text())["ended"] is True


def test_run_by_hand_the_server_stays_in_the_foreground_until_it_is_interrupted(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "modelyard.local.server", "--project", str(tmp_path), "--port", "0"]
    root = Path(__file__).parents[2]
    server = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(root)}, cwd=tmp_path)
    try:
        record = tmp_path / ".modelyard" / "server.json"
        deadline = time.monotonic() + 60
        while not record.exists():
            assert time.monotonic() < deadline
            assert server.poll() is None
            time.sleep(0.02)
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=30) == 0
        assert json.loads(record.read_text())["ended"] is True
    finally:
        server.kill()
        server.wait()


def test_of_servers_started_at_once_for_a_project_one_runs(own_local_aws: LocalAws) -> None:
    own_local_aws.down()
    starts = [subprocess.Popen(own_local_aws.command("local", "up"), cwd=own_local_aws.project_dir) for _ in range(3)]
    assert [start.wait(timeout=60) for start in starts] == [0, 0, 0]
    listing = subprocess.run(["ps", "-ewwo", "args"], capture_output=True, text=True, check=True).stdout
    servers = [line for line in listing.splitlines() if f"--project {own_local_aws.paths.project}" in line]
    assert len(servers) == 2, "the server and its supervisor"


def test_a_function_sees_none_of_the_users_environment(
    own_local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws = own_local_aws
    aws.down()
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "SECRET_OF_THE_USER"):
        monkeypatch.setenv(name, "mine")
    aws.up()
    make_function(aws, "environment", "import os\ndef handler(event, context):\n    return dict(os.environ)\n")
    answer = aws.client("lambda").invoke(FunctionName="environment")
    seen = json.loads(answer["Payload"].read())
    assert "mine" not in seen.values()
    assert aws.instance.access_key not in seen.values()
    assert seen["AWS_ENDPOINT_URL"] == aws.url
    assert seen["AWS_REGION"] == aws.region
    assert seen["AWS_ACCESS_KEY_ID"].startswith("ASIA")
