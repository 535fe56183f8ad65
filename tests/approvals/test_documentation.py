"""docs/cli.md against what the commands do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from modelyard.approvals import commands
from modelyard.approvals.progress import Outcome
from tests.approvals.desk import Desk

PAGE = (Path(__file__).parents[2] / "docs/cli.md").read_text()
WITHOUT_PERMISSION = {"sts:GetCallerIdentity"}


class Recorder:
    """Runs commands in this process and notes the AWS calls that they make, as IAM spells them."""

    def __init__(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        self.desk = desk
        self._made = boto3.Session
        self._actions: set[str] = set()
        for name, value in desk.aws.env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(desk.folder)
        monkeypatch.setattr(boto3, "Session", self._session)

    def actions(self, *arguments: str) -> set[str]:
        """The actions of `modelyard ARGUMENTS`."""
        self._actions = set()
        with self.desk.hook_at_work():
            done = CliRunner().invoke(commands.app, arguments)
        assert done.exit_code == 0, done.output
        return self._actions - WITHOUT_PERMISSION

    def _session(self) -> Any:
        session = self._made()
        session.events.register("before-call", self._note)
        return session

    def _note(self, model: Any, **_: Any) -> None:
        service = model.service_model.endpoint_prefix.removeprefix("api.")
        self._actions.add(f"{service}:{model.name}")


def documented() -> dict[str, tuple[set[str], set[str]]]:
    """The actions that each command's row names, always and in the case after `also`."""
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE, re.MULTILINE)
    found: dict[str, tuple[set[str], set[str]]] = {}
    for command, text in rows:
        always, _, sometimes = text.partition(" also ")
        inherited = found["status"][0] if "those of `status`" in text else set()
        found[command] = inherited | _actions(always), _actions(sometimes)
    return found


def _actions(text: str) -> set[str]:
    return set(re.findall(r"`(\w+:\w+)`", text))


def test_the_page_lists_exactly_the_actions_that_each_command_needs(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(desk, monkeypatch)
    asks, looks = documented(), {"sagemaker:DescribeEndpoint"}
    for _ in range(2):
        desk.abalone.register()
    assert recorder.actions("approve", "abalone", "2") == asks["approve"][0]
    assert (
        recorder.actions("approve", "abalone", "2")
        == asks["approve"][0] - {"sagemaker:UpdateModelPackage"} | asks["approve"][1]
    )
    assert recorder.actions("reject", "abalone", "3") == asks["reject"][0]
    assert recorder.actions("rollback", "abalone") == asks["rollback"][0]
    assert recorder.actions("status", "abalone") == asks["status"][0]
    assert recorder.actions("history", "abalone") | looks == asks["history"][0]
    assert recorder.actions("hold", "abalone", "--reason", "audit") == asks["hold"][0]
    assert recorder.actions("release", "abalone") == asks["release"][0]
    assert recorder.actions("hold", "abalone", "--version", "2", "--reason", "audit") == set.union(*asks["hold"])
    assert not any(sometimes for command, (_, sometimes) in asks.items() if command not in ("approve", "hold"))


def test_the_page_names_every_command_and_its_options() -> None:
    shown = re.findall(r"^modelyard (\w+) (.+)$", PAGE, re.MULTILINE)
    options = {command: set(re.findall(r"--[\w-]+", text)) for command, text in shown}
    for command in commands.app.registered_commands:
        assert command.callback
        told = CliRunner().invoke(commands.app, [command.callback.__name__, "--help"]).output
        offered = set(re.findall(r"--[\w-]+", told)) - {"--help", "--stage"}
        assert options[command.callback.__name__] == offered


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
