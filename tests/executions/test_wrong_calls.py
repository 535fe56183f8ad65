"""What the caller got wrong: one line on stderr, exit code 2, and nothing is started."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.executions.yard import Yard

WRONG_CALLS = YAML(typ="safe").load(Path(__file__).with_name("wrong_calls.yaml"))
PROJECTS = ("snail", "clam", "whelk")


@pytest.fixture(scope="module")
def elsewhere(yard: Yard) -> Path:
    """A folder without settings; and clam has an execution."""
    yard.lab.execute("modelyard-runs-clam")
    (yard.folder / "none").mkdir(exist_ok=True)
    return yard.folder / "none"


@pytest.mark.parametrize("case", WRONG_CALLS, ids=lambda case: case["kind"].replace(" ", "-"))
def test_a_wrong_call_gives_its_one_line_and_starts_nothing(case: dict[str, Any], yard: Yard, elsewhere: Path) -> None:
    before = executions(yard)
    folder = elsewhere if "settings" in case else yard.folder
    done = yard.ask(*shlex.split(case["call"]), folder=folder, **case.get("environment", {}))
    error = case["error"].replace("PROJECTS", ", ".join(projects(yard)))
    error = error.replace("EXECUTIONS", ", ".join(before["clam"]))
    assert done == (2, "", f"modelyard: {error}\n")
    assert executions(yard) == before


def test_the_command_line_makes_a_wrong_call_one_line_and_exit_code_2(yard: Yard) -> None:
    done = yard.call("run", "clam", "-p", "Limit")
    told = "modelyard: -p Limit: write -p name=value\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", told)


def executions(yard: Yard) -> dict[str, list[str]]:
    return {
        project: [
            item["PipelineExecutionArn"].rpartition("/")[2] for item in yard.executions(f"modelyard-runs-{project}")
        ]
        for project in PROJECTS
    }


def projects(yard: Yard) -> list[str]:
    pages = yard.lab.sagemaker.get_paginator("list_pipelines").paginate(PipelineNamePrefix="modelyard-runs")
    names = [item["PipelineName"] for page in pages for item in page["PipelineSummaries"]]
    return sorted(name.removeprefix("modelyard-runs-") for name in names)
