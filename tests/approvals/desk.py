"""A reviewer's desk: a folder with a platform.yaml, a stage of the local AWS, and the `modelyard` command."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.lambdas.serving.hook import Project, Stage
from tests.local_aws import LocalAws

_SETTINGS = """\
stages:
  {stage}:
    account: "{account}"
    region: {region}
"""


@dataclass
class Desk:
    """The stage `name` and its endpoint of the project abalone."""

    aws: LocalAws
    name: str
    folder: Path
    stage: Stage = field(init=False)
    abalone: Project = field(init=False)

    def __post_init__(self) -> None:
        self.stage = Stage(self.aws, f"modelyard-{self.name}")
        self.stage.runtime = replace(self.stage.runtime, declarations_path=f"/modelyard/{self.name}/")
        self.put("platform/ledger-table", self.stage.runtime.ledger_table)
        self.put("platform/queue-url", self.stage.runtime.queue_url)
        settings = _SETTINGS.format(stage=self.name, account=self.aws.account, region=self.aws.region)
        (self.folder / "platform.yaml").write_text(settings)
        self.abalone = self.project("abalone")

    def put(self, key: str, value: str) -> None:
        """Write a parameter of the stage."""
        name = f"/modelyard/{self.name}/{key}"
        self.aws.client("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)

    def project(self, name: str) -> Project:
        """A project with an endpoint that is declared."""
        path = f"/modelyard/{self.name}/{name}/endpoint"
        made = Project(self.stage, f"modelyard-{self.name}-{name}", path, {})
        made.create_group()
        made.declare()
        return made

    def command(self, *arguments: str) -> list[str]:
        """The command line of `modelyard ARGUMENTS`."""
        return [sys.executable, "-m", "modelyard", *arguments]

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `modelyard ARGUMENTS` while the approval hook sleeps."""
        done = self._call(*arguments)
        self._expect_event(done.stdout)
        return done

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `modelyard ARGUMENTS` while the approval hook is at work; then let everything come to rest."""
        with self.hook_at_work():
            done = self._call(*arguments)
        self._expect_event(done.stdout)
        self.abalone.settle()
        return done

    def tell(self, *arguments: str) -> Any:
        """What `modelyard ARGUMENTS --json` prints."""
        done = self.call(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def review(self, version: int, status: str) -> None:
        """Approve or reject as the console does, and let it come to rest."""
        self.abalone.review(version, status)
        self.abalone.settle()

    def pretend_held(self, **fields: Any) -> None:
        """Hold abalone, in the ledger."""
        self.stage.runtime.ledger.hold(self.abalone.name, at=self.stage.runtime.now(), by="somebody", **fields)

    def _call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.aws.run(*self.command(*arguments), cwd=self.folder, check=False)

    def _expect_event(self, printed: str) -> None:
        """SageMaker tells of a review, sooner or later."""
        self.stage.awaited += bool(re.search("is (approved|rejected), by", printed))

    @contextmanager
    def hook_at_work(self) -> Iterator[None]:
        """Deliver events and messages as they come."""
        ended = threading.Event()

        def work() -> None:
            while not ended.wait(0.05):
                self.stage.run()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
