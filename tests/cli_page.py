"""docs/cli.md, and what commands do in this process, to hold the one to the other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
import typer
from typer.testing import CliRunner

PAGE = (Path(__file__).parents[1] / "docs/cli.md").read_text()
WITHOUT_PERMISSION = {"sts:GetCallerIdentity"}


class Recorder:
    """Runs commands in this process and notes the AWS calls that they make, as IAM spells them."""

    def __init__(self, env: Mapping[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._made = boto3.Session
        self._actions: set[str] = set()
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(folder)
        monkeypatch.setattr(boto3, "Session", self._session)

    def actions(self, app: typer.Typer, *arguments: str, code: int = 0) -> set[str]:
        """The actions of the command `arguments`, which ends with that exit code."""
        self._actions = set()
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == code, done.output
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
    rows = re.findall(r"^\| `([\w-]+)` \| (.+) \|$", PAGE, re.MULTILINE)
    found: dict[str, tuple[set[str], set[str]]] = {}
    for command, text in rows:
        always, _, sometimes = text.partition(" also ")
        inherited = next((found[name][0] for name in found if f"those of `{name}`" in text), set())
        found[command] = inherited | _actions(always), _actions(sometimes)
    return found


def check_options(app: typer.Typer) -> None:
    """The page shows every command of `app` with all of its options, `--stage` aside, which it has once for all."""
    shown = re.findall(r"^modelyard ([\w-]+) (.+)$", PAGE, re.MULTILINE)
    options = {command: set(re.findall(r"--[\w-]+", text)) for command, text in shown}
    for command in app.registered_commands:
        assert command.callback
        name = command.name or command.callback.__name__
        told = CliRunner().invoke(app, [name, "--help"]).output
        offered = set(re.findall(r"--[\w-]+", told)) - {"--help", "--stage"}
        assert options[name] == offered


def _actions(text: str) -> set[str]:
    return set(re.findall(r"`(\w+:\w+)`", text))
