"""A local AWS of a benchmark's own, in a temporary folder."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelyard.local import environment, lifecycle
from modelyard.local.instance import Instance, Paths

__all__ = ["ROOT", "Local", "local_aws"]

ROOT = Path(__file__).resolve().parents[1]
ACCOUNT = "111122223333"
REGION = "us-east-1"


@dataclass(frozen=True)
class Local:
    """A running local AWS."""

    instance: Instance
    paths: Paths

    def client(self, service: str) -> Any:
        return environment.client(self.instance, service)

    def run(self, *words: str, environ: dict[str, str]) -> None:
        """Run a command of the checkout against it."""
        env = environment.apply(self.instance, self.paths, environ)
        subprocess.run(words, cwd=ROOT, env=env, check=True, capture_output=True, stdin=subprocess.DEVNULL)

    def role(self, name: str) -> str:
        """The ARN of a new role that SageMaker may assume."""
        trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = self.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=policy)
        return str(role["Role"]["Arn"])


@contextmanager
def local_aws() -> Iterator[Local]:
    """Start one, and end it whatever happens."""
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder).resolve())
        try:
            yield Local(lifecycle.up(paths, lifecycle.Target(ACCOUNT, REGION), owner=os.getpid()).instance, paths)
        finally:
            lifecycle.down(paths)
