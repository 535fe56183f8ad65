"""`modelyard executions` and `modelyard logs`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.executions.yard import Yard


@pytest.fixture(scope="module")
def ended(yard: Yard) -> list[str]:
    """Two executions of a project `mussel`, the first one failed; ids, newest first."""
    script = "import sys\nprint('rounds', sys.argv[1], flush=True)\nsys.exit(sys.argv[1] == '7')"
    step = yard.step("Look", script)
    step["Arguments"]["AppSpecification"]["ContainerArguments"] = [
        {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.Rounds"}]}}
    ]
    name = yard.pipeline(
        "mussel",
        [step],
        {"Name": "Rounds", "Type": "Integer", "DefaultValue": 3},
        {"Name": "Limit", "Type": "Float", "DefaultValue": 2.5},
    )
    for values in ({"Rounds": "7"}, {"Rounds": "3", "Limit": "2.50"}):
        yard.lab.execute(name, **values)
    return [item["PipelineExecutionArn"].rpartition("/")[2] for item in yard.executions(name)]


def tell(yard: Yard, *arguments: str) -> Any:
    done = yard.ask(*arguments, "--json")
    assert done.code == 0, done.stderr
    return json.loads(done.stdout)


def test_executions_are_listed_newest_first_with_what_is_not_a_default(yard: Yard, ended: list[str]) -> None:
    new, old = tell(yard, "executions", "mussel")
    assert [new["id"], old["id"]] == ended
    assert (new["status"], new["parameters"], new["reason"], new["version"]) == ("Succeeded", {}, "", None)
    assert (old["status"], old["parameters"]) == ("Failed", {"Rounds": "7"})
    assert old["reason"].startswith("Look: AlgorithmError")
    assert new["started"] >= old["started"] and 0 <= new["seconds"] < 60
    assert tell(yard, "executions", "mussel", "--limit", "1") == [new]


def test_executions_are_a_table_of_one_line_each(yard: Yard, ended: list[str]) -> None:
    lines = yard.ask("executions", "modelyard-runs-mussel").stdout.splitlines()
    assert lines[0].split() == ["execution", "status", "started", "(UTC)", "took", "version", "parameters", "why"]
    assert [line.split()[:2] for line in lines[1:] if not line.startswith(" ")] == [
        [ended[0], "Succeeded"],
        [ended[1], "Failed"],
    ]
    assert yard.ask("executions", "whelk").stdout == (
        "modelyard-runs-whelk has no execution yet; start one: modelyard run modelyard-runs-whelk\n"
    )


def test_a_registered_version_is_listed(yard: Yard) -> None:
    yard.ask("run", "snail", "--description", "for the list")
    first = tell(yard, "executions", "snail", "--limit", "1")[0]
    assert (first["description"], first["parameters"]) == ("for the list", {})
    group = yard.lab.steps({"PipelineExecutionArn": first["arn"]})["Register"]["Metadata"]["RegisterModel"]["Arn"]
    assert first["version"] == int(group.rpartition("/")[2])


def test_logs_are_those_of_the_latest_or_of_the_execution_that_is_named(yard: Yard, ended: list[str]) -> None:
    new, old = "Look | rounds 3\n", "Look | rounds 7\n"
    arn = tell(yard, "executions", "mussel")[1]["arn"]
    for arguments, printed in (([], new), (["latest"], new), ([ended[0]], new), ([ended[1]], old), ([arn], old)):
        done = yard.ask("logs", "mussel", *arguments)
        assert done == (0, printed, "")


def test_following_an_ended_execution_prints_all_and_says_how_it_ended(yard: Yard, ended: list[str]) -> None:
    done = yard.ask("logs", "mussel", ended[1], "--follow")
    assert done.code == 1
    assert "Look | rounds 7" in done.stdout.splitlines()
    assert done.stderr.startswith(f"modelyard: execution {ended[1]} Failed: Look: AlgorithmError")


def test_a_step_that_has_not_run_has_logged_nothing(yard: Yard) -> None:
    yard.lab.execute("modelyard-runs-slug")
    done = yard.ask("logs", "slug", "--step", "Never")
    identifier = tell(yard, "executions", "slug")[0]["id"]
    told = f"step Never of execution {identifier} (Failed) has logged nothing yet\n"
    assert done == (0, "", told)
