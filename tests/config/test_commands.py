"""`modelyard config`: what stands in the file afterwards, and what is refused."""

from __future__ import annotations

import difflib
import json
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from typer.testing import CliRunner

from modelyard.config import commands, editing
from modelyard.config.errors import ConfigError
from modelyard.config.values import spell
from modelyard.settings import load_settings

HERE = Path(__file__)
ROOT = HERE.parents[2]
EDITS = YAML(typ="safe").load(HERE.with_name("edits.yaml"))
REFUSALS = YAML(typ="safe").load(HERE.with_name("refusals.yaml"))
STAGE = """\
stages:
  dev:
    account: "111122223333"
    region: us-east-1
"""
SHARED = (
    STAGE
    + """\
projects:
  abalone:
    # shared
    endpoint: &small
      instance_type: ml.m5.large

    schedule: rate(1 day)
  other:
    pipeline: abalone
    endpoint: *small
  single: {endpoint: {instance_type: ml.m5.large}}
"""
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def config(*arguments: str) -> str:
    """What `modelyard config ARGUMENTS` prints; it raises what the command line makes one line of."""
    done = CliRunner().invoke(commands.app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def differing(before: str, after: str) -> str:
    lines = difflib.ndiff(before.splitlines(keepends=True), after.splitlines(keepends=True))
    changed = [line for line in lines if line[0] in "-+"]
    return "".join(f"{line[0]}{line[2:]}" for line in sorted(changed, key=lambda line: line[0] == "+"))


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("case", EDITS, ids=lambda case: case["kind"].replace(" ", "-"))
def test_only_the_lines_of_a_change_differ(case: dict[str, str], newline: str, folder: Path) -> None:
    file = folder / "platform.yaml"
    before = f"# first\n{STAGE}{case['before']}".replace("\n", newline)
    file.write_bytes(before.encode())
    config(*shlex.split(case["call"]))
    after = file.read_bytes().decode()
    assert differing(before, after) == case["lines"].replace("\n", newline)
    assert after.count("\n") == after.count(newline)


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case["kind"].replace(" ", "-"))
def test_a_wrong_call_gives_its_one_line_and_writes_nothing(case: dict[str, str], folder: Path) -> None:
    Path("platform.yaml").write_text(SHARED)
    Path("broken.yaml").write_text("stages:\n\tdev: {}\n")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ConfigError) as caught:
        config(*shlex.split(case["call"]))
    assert str(caught.value) == case["error"]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_command_line_makes_a_refusal_one_line_and_exit_code_2(folder: Path) -> None:
    Path("platform.yaml").write_text(SHARED)
    call = [sys.executable, "-m", "modelyard", "config", "get", "stages.prod"]
    done = subprocess.run(call, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(ROOT)})
    told = "modelyard: stages.prod: platform.yaml has no such key; stages has: dev\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", told)


@pytest.mark.parametrize("before", ["", "# nothing yet\n", "{}\n", "stages: {}\n", "stages:\n"])
def test_a_file_without_stages_can_get_its_first_one(before: str, folder: Path) -> None:
    file = folder / "platform.yaml"
    file.write_text(before)
    config("set", "stages.dev.account", "111122223333", "stages.dev.region", "eu-west-1")
    assert load_settings(file).stages[0].account == "111122223333"


def test_a_file_that_has_no_keys_at_all_is_told_so(folder: Path) -> None:
    (folder / "platform.yaml").write_text("- stages\n")
    reason = r"^platform.yaml, line 1: received a list; allowed: stages, projects, delivery$"
    with pytest.raises(ConfigError, match=reason):
        config("set", "stages.dev.region", "eu-west-1")


def test_get_prints_a_value_as_text_and_a_section_key_by_key(folder: Path) -> None:
    Path("platform.yaml").write_text(SHARED)
    assert config("get", "stages.dev.account") == "111122223333\n"
    assert config("get", "stages.dev.account", "--json") == '"111122223333"\n'
    assert config("get", "projects.other") == (
        "projects.other.pipeline = abalone\nprojects.other.endpoint.instance_type = ml.m5.large\n"
    )


def test_list_prints_every_key_in_the_order_of_the_file(folder: Path) -> None:
    Path("elsewhere.yaml").write_text(SHARED)
    expected = {
        "stages.dev.account": "111122223333",
        "stages.dev.region": "us-east-1",
        "projects.abalone.endpoint.instance_type": "ml.m5.large",
        "projects.abalone.schedule": "rate(1 day)",
        "projects.other.pipeline": "abalone",
        "projects.other.endpoint.instance_type": "ml.m5.large",
        "projects.single.endpoint.instance_type": "ml.m5.large",
    }
    assert list(json.loads(config("list", "--json", "--file", "elsewhere.yaml")).items()) == list(expected.items())
    shown = config("list", "--file", "elsewhere.yaml").splitlines()
    assert shown[0] == 'stages.dev.account = "111122223333"'
    assert [line.partition(" = ")[0] for line in shown] == list(expected)
    assert config("list", "projects.abalone.endpoint", "--file", "elsewhere.yaml").splitlines() == [shown[2]]


def test_what_list_prints_can_be_set_again(folder: Path) -> None:
    file = Path("platform.yaml")
    file.write_text(STAGE + "projects: {abalone: {stages: [dev], parameters: {A: '3', B: 3, C: yes, D: true}}}\n")
    before = file.read_bytes()
    for line in config("list").splitlines():
        config("set", *line.split(" = ", 1))
    assert file.read_bytes() == before


def test_the_file_keeps_its_mode_and_a_link_stays_a_link(folder: Path) -> None:
    target, link = folder / "shared/platform.yaml", folder / "platform.yaml"
    target.parent.mkdir()
    target.write_text(STAGE)
    target.chmod(0o640)
    link.symlink_to("shared/platform.yaml")
    config("set", "stages.dev.disposable", "true")
    assert link.is_symlink()
    assert target.read_text() == STAGE + "    disposable: true\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert list(target.parent.iterdir()) == [target]


def test_a_file_that_cannot_be_written_is_as_it_was(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / "platform.yaml"
    file.write_text(STAGE)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ConfigError, match=r"cannot be written: No space left on device; nothing is changed"):
        config("set", "stages.dev.disposable", "true")
    assert [path.name for path in folder.iterdir()] == ["platform.yaml"]
    assert file.read_text() == STAGE


def test_a_file_without_a_line_end_gets_one_before_a_new_line(folder: Path) -> None:
    file = folder / "platform.yaml"
    file.write_text(STAGE.rstrip("\n"))
    config("set", "stages.dev.region", "eu-west-1")
    assert file.read_text() == STAGE.rstrip("\n").replace("us-east-1", "eu-west-1")
    config("set", "stages.dev.adopt", "true")
    assert file.read_text() == STAGE.replace("us-east-1", "eu-west-1") + "    adopt: true\n"


def test_the_page_shows_every_command_with_its_options_and_its_examples_run(folder: Path) -> None:
    page = (ROOT / "docs/settings.md").read_text()
    usage, examples = re.findall(r"^```\n(modelyard config .*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    shown = {line.split()[2]: set(re.findall(r"--[\w-]+", line)) for line in usage.splitlines()}
    for command in commands.app.registered_commands:
        name = str(command.name or (command.callback and command.callback.__name__))
        assert shown[name] == set(re.findall(r"--[\w-]+", config(name, "--help"))) - {"--help", "--file"}
    (folder / "platform.yaml").write_bytes((ROOT / "platform.yaml").read_bytes())
    for line in examples.splitlines():
        config(*shlex.split(line)[2:])
    made = load_settings(Path("platform.yaml"))
    assert {stage.name: stage.account for stage in made.stages}["prod"] == "444455556666"
    (abalone,) = (project for project in made.projects if project.name == "abalone")
    assert abalone.parameters == {"MaxDepth": 6} and abalone.schedule is None


@given(value=st.text() | st.integers() | st.booleans() | st.none(), quote=st.sampled_from(["", '"', "'"]))
def test_a_value_is_spelt_so_that_yaml_reads_it_again(value: Any, quote: str) -> None:
    spelling = spell(value, like=quote)
    for text in (f"key: {spelling}  # comment", f"{{key: {spelling}}}"):
        assert YAML(typ="safe", pure=True).load(text) == {"key": value}


@given(value=st.text())
def test_any_text_can_be_put_in_and_taken_out_again(value: str) -> None:
    text = STAGE + "projects:\n  other:\n    parameters:\n      A: 1\n"
    path = ("projects", "other", "parameters", "B")
    with_it = editing.put(text, path, value)
    assert YAML(typ="safe", pure=True).load(with_it)["projects"]["other"]["parameters"]["B"] == value
    assert editing.remove(with_it, path) == text
