"""A local AWS of its own for a test: a real server process in a temporary project folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelyard.local import environment, lifecycle
from modelyard.local.instance import Instance, Paths

__all__ = ["ROOT", "LocalAws"]

ROOT = Path(__file__).parents[1]
ACCOUNT = "111122223333"
REGION = "eu-west-1"


class LocalAws:
    """The local AWS of ``project_dir``, in account 111122223333 and eu-west-1; it is up until ``down()``."""

    def __init__(self, project_dir: Path) -> None:
        self.project_dir = project_dir
        self.paths = Paths(project_dir.resolve())
        self.instance: Instance
        self._clients: dict[str, Any] = {}

    @property
    def url(self) -> str:
        return self.instance.url

    @property
    def account(self) -> str:
        return self.instance.account

    @property
    def region(self) -> str:
        return self.instance.region

    @property
    def env(self) -> dict[str, str]:
        """The environment for subprocesses that are to talk to it."""
        programs = [str(ROOT / ".venv/bin"), str(ROOT / "node_modules/.bin"), os.environ["PATH"]]
        own = {"PATH": os.pathsep.join(programs), "PYTHONPATH": str(ROOT)}
        return environment.apply(self.instance, self.paths, {**os.environ, **own})

    def up(self, record_calls: bool = False) -> LocalAws:
        """Start it, or start it again."""
        target = lifecycle.Target(ACCOUNT, REGION)
        self.instance = lifecycle.up(self.paths, target, owner=os.getpid(), record_calls=record_calls).instance
        self._clients.clear()
        return self

    def down(self) -> None:
        """Stop it and wait for its last process."""
        lifecycle.down(self.paths)

    def snapshot_after(self, moment: float) -> float:
        """When the first snapshot after ``moment`` was taken; waits a minute for it, also for the very first one."""
        manifest = self.paths.state / "snapshot.json"
        deadline = time.monotonic() + 60
        while True:
            taken = json.loads(manifest.read_text())["taken_at"] if manifest.exists() else 0.0
            if taken > moment:
                return float(taken)
            assert time.monotonic() < deadline, "no snapshot was taken"
            time.sleep(0.02)

    def client(self, service: str) -> Any:
        """A boto3 client with the instance's key."""
        if service not in self._clients:
            self._clients[service] = environment.client(self.instance, service)
        return self._clients[service]

    def run(
        self, *command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run ``command`` against it; with ``check``, a non-zero exit fails the test and shows what was printed."""
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd or self.project_dir,
            env={**self.env, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done

    def modelyard(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the ``modelyard`` command in its project folder."""
        return self.run(*self.command(*arguments), check=check)

    @staticmethod
    def command(*arguments: str) -> list[str]:
        """The ``modelyard`` command of this checkout, whatever is installed."""
        program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from modelyard.cli import main; main()"
        return [sys.executable, "-c", program, *arguments]

    def bootstrap(self) -> None:
        """``cdk bootstrap`` its account and region."""
        self.run("cdk", "bootstrap", f"aws://{self.account}/{self.region}")

    def synth(self, app: Path, name: str = "cdk.out", env: Mapping[str, str] | None = None) -> Path:
        """Synthesise the app in the folder ``app``; returns its assembly, which saves each command a synthesis."""
        out = self.project_dir / name
        variables = {"CDK_OUTDIR": str(out), "CDK_CLI_VERSION": "", "CDK_VALIDATION": "false", **(env or {})}
        self.run(sys.executable, "app.py", cwd=app, env=variables)
        return out

    def cdk(self, verb: str, assembly: Path, *options: str) -> str:
        """Run ``cdk VERB`` on an assembly; returns what it printed."""
        approve = ["--require-approval", "never"] if verb == "deploy" else []
        done = self.run("cdk", verb, "--app", assembly, *approve, *options)
        return done.stdout + done.stderr
