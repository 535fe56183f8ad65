"""The real ``cdk`` command against the local AWS."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from tests.local_aws import LocalAws

APPS = Path(__file__).parent / "apps"


def wait_for(what: Callable[[], Any], seconds: float = 60) -> Any:
    """The first truthy answer of ``what``."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, f"nothing within {seconds} s"
        time.sleep(0.05)
    return found


def parameter(aws: LocalAws, name: str) -> str | None:
    try:
        return str(aws.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
    except ClientError:
        return None


def stacks(aws: LocalAws) -> set[str]:
    return {stack["StackName"] for stack in aws.client("cloudformation").describe_stacks()["Stacks"]}


def test_a_custom_resource_that_is_not_complete_at_once_is_waited_for(bootstrapped: LocalAws) -> None:
    """CDK's Provider framework: Node functions, polled by a Step Functions waiter."""
    aws = bootstrapped
    outputs = aws.project_dir / "outputs.json"
    app = aws.synth(APPS / "waiter", "waiter")
    changed = aws.synth(APPS / "waiter", "changed-waiter", env={"GREETING": "again"})
    aws.cdk("deploy", app, "--outputs-file", str(outputs))
    assert json.loads(outputs.read_text()) == {"Waiter": {"Asked": "2"}}
    assert parameter(aws, "/waiter/count-asked") == "Create"
    assert "Greeting" in aws.cdk("diff", changed)
    aws.cdk("deploy", changed)
    assert (parameter(aws, "/waiter/count-asked"), parameter(aws, "/waiter/count")) == ("Update", "2")
    aws.cdk("destroy", app, "--force")
    assert (parameter(aws, "/waiter/count-asked"), parameter(aws, "/waiter/count")) == ("Delete", "2")
    assert "Waiter" not in stacks(aws)


def test_an_event_goes_through_a_function_and_a_fifo_queue_to_another_function(own_local_aws: LocalAws) -> None:
    aws = own_local_aws
    aws.bootstrap()
    app = aws.synth(APPS / "relay")
    aws.cdk("deploy", app)
    for name in ("one", "two"):
        send(aws, name)
    arn = wait_for(lambda: parameter(aws, "/relay/two") and parameter(aws, "/relay/one"))
    role, function = arn.split("/")[1:]
    assert arn.startswith(f"arn:aws:sts::{aws.account}:assumed-role/")
    assert role.startswith("Relay-lastServiceRole")
    assert function.startswith("Relay-last")

    # And all of it again after a stop.
    aws.down()
    aws.up()
    assert {"Relay", "CDKToolkit"} == stacks(aws)
    send(aws, "after")
    wait_for(lambda: parameter(aws, "/relay/after"))
    assert "There were no differences" in aws.cdk("diff", app)
    assert processes_of(aws.instance.pid)
    aws.cdk("destroy", app, "--force")
    assert stacks(aws) == {"CDKToolkit"}
    wait_for(lambda: not processes_of(aws.instance.pid))


def processes_of(pid: int) -> list[str]:
    done = subprocess.run(["ps", "-wwo", "args=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def send(aws: LocalAws, name: str) -> None:
    entry = {"Source": "test.relay", "DetailType": "Test", "Detail": json.dumps({"name": name})}
    assert aws.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0
