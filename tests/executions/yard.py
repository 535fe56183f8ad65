"""A folder with a platform.yaml whose stage has pipelines in the local AWS, and the `modelyard` command."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from typer.testing import CliRunner

from modelyard.executions import commands
from tests.local.sagemaker.lab import Lab, unique

SETTINGS = """\
stages:
  {stage}:
    account: "{account}"
    region: {region}
"""
# Logs, and writes its output.
WRITES = """
import sys
for line in ("reading", "writing " + sys.argv[1], "naïve ✓ [bold]"):
    print(line, flush=True)
open("/opt/ml/processing/output/report/r.json", "w").write('{"rmse": 2.0}')
"""
# Ends when the file that it waits for is there.
WAITS = """
import pathlib, sys, time
print("waiting", flush=True)
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.05)
print("going on", flush=True)
"""
FAILS = "print('looking at the data', flush=True)\nraise SystemExit('no rows in the data')"


class Answer(NamedTuple):
    """What a command gives back."""

    code: int
    stdout: str
    stderr: str


@dataclass
class Yard:
    """The stage `name`."""

    lab: Lab
    name: str
    folder: Path

    def __post_init__(self) -> None:
        aws = self.lab.aws
        settings = SETTINGS.format(stage=self.name, account=aws.account, region=aws.region)
        (self.folder / "platform.yaml").write_text(settings)

    def pipeline(self, project: str, steps: list[dict[str, Any]], *parameters: dict[str, Any]) -> str:
        """Make a project's pipeline; returns its name."""
        name = f"modelyard-{self.name}-{project}"
        definition = {"Version": "2020-12-01", "Parameters": list(parameters), "Steps": steps}
        self.lab.sagemaker.create_pipeline(
            PipelineName=name,
            PipelineDefinition=json.dumps(definition),
            RoleArn=self.lab.role,
            ClientRequestToken=unique("token").ljust(32, "t"),
        )
        return name

    def step(self, name: str, script: str, *, after: tuple[str, ...] = (), **arguments: Any) -> dict[str, Any]:
        """A processing step that runs the Python program `script`."""
        made: dict[str, Any] = {
            "Name": name,
            "Type": "Processing",
            "Arguments": self.lab.processing(script, **arguments),
        }
        return {**made, "DependsOn": list(after)} if after else made

    def waiting_step(self, name: str, key: str) -> dict[str, Any]:
        """A step that goes on once `release(key)` is called."""
        return self.step(name, WAITS, arguments=(str(self.folder / key),))

    def release(self, key: str) -> None:
        """Let the step that waits for `key` end."""
        (self.folder / key).touch()

    def command(self, *arguments: str) -> list[str]:
        """The command line of `modelyard ARGUMENTS`."""
        return [sys.executable, "-m", "modelyard", *arguments]

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `modelyard ARGUMENTS` in a process."""
        return self.lab.aws.run(*self.command(*arguments), cwd=self.folder, check=False)

    def ask(self, *arguments: str, folder: Path | None = None, **variables: str) -> Answer:
        """Run `modelyard ARGUMENTS` in this process, as `modelyard.cli` does."""
        with chdir(folder or self.folder):
            done = CliRunner().invoke(commands.app, arguments, env={**self.lab.aws.env, **variables})
        if isinstance(done.exception, commands.ERRORS):
            return Answer(2, done.stdout, f"modelyard: {done.exception}\n")
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return Answer(done.exit_code, done.stdout, done.stderr)

    def executions(self, pipeline: str) -> list[dict[str, Any]]:
        """The executions of a pipeline, newest first."""
        answer = self.lab.sagemaker.list_pipeline_executions(PipelineName=pipeline)
        return list(answer["PipelineExecutionSummaries"])


def parameter(name: str, type: str, default: Any = None, *allowed: Any) -> dict[str, Any]:
    """A declared parameter of a pipeline."""
    made = {"Name": name, "Type": type}
    if default is not None:
        made["DefaultValue"] = default
    return {**made, "EnumValues": list(allowed)} if allowed else made
