"""The record of a running local AWS, ``.modelyard/server.json``, and what is derived from a project folder."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

__all__ = ["Instance", "Paths", "process_start"]


@dataclass(frozen=True)
class Paths:
    """Where a project keeps its local AWS."""

    project: Path

    @property
    def root(self) -> Path:
        return self.project / ".modelyard"

    @property
    def record(self) -> Path:
        return self.root / "server.json"

    @property
    def log(self) -> Path:
        return self.root / "server.log"

    @property
    def lock(self) -> Path:
        return self.root / "server.lock"

    @property
    def calls(self) -> Path:
        """The record of AWS calls, where one is kept."""
        return self.root / "calls.jsonl"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def work(self) -> Path:
        """Scratch files of the running server; worthless when it is down."""
        return self.root / "work"

    @property
    def sagemaker(self) -> Path:
        """Files of the local SageMaker."""
        return self.root / "sagemaker"

    @property
    def cdk_home(self) -> Path:
        return self.root / "cdk-home"

    @property
    def sagemaker_config(self) -> Path:
        return self.root / "sagemaker-config.yaml"


@dataclass(frozen=True)
class Instance:
    """A local AWS that runs or ran. The keys are secrets: whoever has them runs code as this user."""

    pid: int
    started: str
    supervisor_pid: int
    supervisor_started: str
    port: int
    account: str
    region: str
    access_key: str
    secret_key: str
    up_since: float = 0.0
    """Epoch seconds."""
    restored_from: float | None = None
    """When the snapshot that it started from was taken, in epoch seconds; None if it started empty."""
    interrupted: list[str] = field(default_factory=list)
    """Stacks that were half-done in that snapshot, as ``NAME (STATUS)``."""
    records_calls: bool = False
    """Whether AWS calls are written down."""
    ended: bool = False
    """Whether it ended in order, having kept everything."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def default_bucket(self) -> str:
        """The SageMaker SDK's own name of an account's default bucket."""
        return f"sagemaker-{self.region}-{self.account}"

    def is_running(self) -> bool:
        """Whether this very process is alive (a process id alone may have been given away again)."""
        return process_start(self.pid) == self.started

    def is_supervised(self) -> bool:
        """Whether its supervisor is alive, which ends after every other process of the instance."""
        return process_start(self.supervisor_pid) == self.supervisor_started

    def write(self, paths: Paths) -> None:
        """Record this instance, readable by this user only."""
        write_private(paths.record, json.dumps(asdict(self), indent=2))

    @staticmethod
    def read(paths: Paths) -> Instance | None:
        """The recorded instance, running or not; None where there is none or the record is unreadable."""
        try:
            return Instance(**json.loads(paths.record.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    @staticmethod
    def new_keys() -> tuple[str, str]:
        """A random access key id and its secret."""
        return f"LKIA{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30)


def process_start(pid: int) -> str | None:
    """When process ``pid`` started, in the system's own words; None if there is no such process or it is a zombie."""
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else fields[19]
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip() or None


def write_private(path: Path, text: str) -> None:
    """Write ``path`` whole, readable by this user only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    aside.replace(path)
