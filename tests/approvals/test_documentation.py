"""docs/cli.md against what the commands do."""

from __future__ import annotations

import re
from typing import Any

import boto3
import pytest

from modelyard.approvals import commands
from modelyard.approvals.progress import Outcome
from tests.approvals.desk import Desk
from tests.cli_page import PAGE, Recorder, check_options, documented


def test_the_page_lists_exactly_the_actions_that_each_command_needs(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(desk.aws.env, desk.folder, monkeypatch)

    def actions(*arguments: str) -> set[str]:
        with desk.hook_at_work():
            return recorder.actions(commands.app, *arguments)

    asks, looks = documented(), {"sagemaker:DescribeEndpoint"}
    for _ in range(2):
        desk.abalone.register()
    assert actions("approve", "abalone", "2") == asks["approve"][0]
    assert (
        actions("approve", "abalone", "2") == asks["approve"][0] - {"sagemaker:UpdateModelPackage"} | asks["approve"][1]
    )
    assert actions("reject", "abalone", "3") == asks["reject"][0]
    assert actions("rollback", "abalone") == asks["rollback"][0]
    assert actions("status", "abalone") == asks["status"][0]
    assert actions("history", "abalone") | looks == asks["history"][0]
    assert actions("hold", "abalone", "--reason", "audit") == asks["hold"][0]
    assert actions("release", "abalone") == asks["release"][0]
    assert actions("hold", "abalone", "--version", "2", "--reason", "audit") == set.union(*asks["hold"])
    others = ("reject", "rollback", "status", "history", "release")
    assert not any(asks[command][1] for command in others)


def test_the_page_names_every_command_and_its_options() -> None:
    check_options(commands.app)


def test_the_lines_of_python_on_the_page_take_an_endpoint_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.review(2, "Approved")
    monkeypatch.setenv("AWS_ENDPOINT_URL", desk.aws.url)
    instance = desk.aws.instance
    known: dict[str, Any] = {
        "session": boto3.Session(instance.access_key, instance.secret_key, region_name=instance.region)
    }
    (lines,) = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)
    with desk.hook_at_work():
        exec(lines.replace('"dev"', repr(desk.name)), known)
    assert known["outcome"] == Outcome(True, "version 1 serves")
