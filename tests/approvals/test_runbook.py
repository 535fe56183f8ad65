"""docs/runbook.md against what the platform tells people."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from modelyard.lambdas.serving.actions import _TOLD
from modelyard.lambdas.serving.ledger import FAILED
from modelyard.lambdas.serving.steps import ROLLED_BACK

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/runbook.md").read_text()
ENTRIES = dict(re.findall(r"^##+ ([^\n]+)\n\n(- \*\*Means\*\*.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
PARTS = ("Means", "Look", "Do", "Do not")


def subjects() -> set[str]:
    """The subjects of all notifications: those that are written out, and those of an attempt's outcomes."""
    found = {f"version N {told}" for told in [*_TOLD.values(), ROLLED_BACK]}
    for file in (ROOT / "modelyard/lambdas/serving").glob("*.py"):
        for call in ast.walk(ast.parse(file.read_text())):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "notify":
                subject = call.args[4]
                if isinstance(subject, ast.Constant):
                    found.add(str(subject.value))
    return found


def descriptions() -> set[str]:
    """The texts of all paging alarms, with the names that the page gives to what differs."""
    names = {"name": "*", "endpoint_name": "ENDPOINT", "minutes": "N"}
    found = set()
    for file in (ROOT / "modelyard/constructs").glob("*.py"):
        for call in ast.walk(ast.parse(file.read_text())):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "paging_alarm":
                (text,) = [word.value for word in call.keywords if word.arg == "description"]
                parts = text.values if isinstance(text, ast.JoinedStr) else [text]
                found.add(
                    "".join(
                        str(part.value) if isinstance(part, ast.Constant) else names[ast.unparse(part).strip("{}f'\"")]
                        for part in parts
                    )
                )
    return found


def test_every_notification_has_its_entry_under_its_subject() -> None:
    assert FAILED in _TOLD
    assert {"held", "nothing eligible", "cannot be reconciled"} < subjects()
    notifications = re.findall(r"^### (.+)$", PAGE.split("## Notifications")[1], re.MULTILINE)
    assert set(notifications) == subjects()


def test_every_paging_alarm_has_its_entry_under_its_text() -> None:
    alarms = re.findall(r"^### (.+)$", PAGE.split("## Alarms")[1].split("## Notifications")[0], re.MULTILINE)
    wanted = [re.escape(text).replace(r"\*", r"\w+") for text in descriptions()]
    assert len(wanted) == 4
    assert [entry for entry in alarms if not any(re.fullmatch(text, entry) for text in wanted)] == []
    queues = re.findall(r'"(\w+)": dead_\w+[,}]', (ROOT / "modelyard/constructs/approval_hook.py").read_text())
    assert len(alarms) == len(wanted) - 1 + len(queues)


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_says_what_it_means_what_to_look_at_and_what_to_do_and_leave(entry: str) -> None:
    assert tuple(re.findall(r"^- \*\*([\w ]+)\*\*", ENTRIES[entry], re.MULTILINE)) == PARTS
