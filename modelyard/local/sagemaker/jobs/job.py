"""One job as the runner sees it; processing and training fill in what differs."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.jobs.kinds import Kind, emit_state
from modelyard.local.sagemaker.jobs.mounts import ML_ROOT
from modelyard.local.sagemaker.jobs.storage import S3Object, Storage, StorageError

__all__ = ["Host", "Job", "read_input", "write_json"]

_LONGEST_REASON = 1024


@dataclass(frozen=True)
class Host:
    """An instance of a job: its ``name`` (``algo-1``) and the folder that is its ``/opt/ml``."""

    name: str
    ml: Path
    home: Path

    def local(self, path: str) -> Path:
        """Where ``path`` (``/opt/ml/…``) of the job's process is outside of it."""
        return self.ml / Path(path).relative_to(ML_ROOT)


class Job(ABC):
    """A job in progress: its record, and how its kind brings data in and takes results out."""

    kind: Kind

    def __init__(self, context: Context, record: Record) -> None:
        self.context = context
        self.record = record
        self.storage = Storage(context.client_as(record["RoleArn"], "s3"))

    @property
    def name(self) -> str:
        return str(self.record[self.kind.name])

    @property
    def arn(self) -> str:
        return str(self.record[self.kind.arn])

    @property
    def max_seconds(self) -> int | None:
        seconds = self.record.get("StoppingCondition", {}).get("MaxRuntimeInSeconds")
        return None if seconds is None else int(seconds)

    @property
    @abstractmethod
    def image(self) -> str: ...

    @property
    @abstractmethod
    def command(self) -> list[str]: ...

    @property
    @abstractmethod
    def instance_count(self) -> int: ...

    @property
    @abstractmethod
    def message_path(self) -> str:
        """Where the job's program may write why it failed."""

    def environment(self) -> dict[str, str]:
        """The variables of the job's own, which come after those of the platform."""
        return dict(self.record.get("Environment", {}))

    @abstractmethod
    def download(self, hosts: Sequence[Host]) -> None:
        """Bring in the data and write the files that tell the program about its job."""

    @abstractmethod
    def upload(self, hosts: Sequence[Host], *, succeeded: bool) -> None:
        """Take out the results."""

    @abstractmethod
    def on_line(self, line: str) -> None:
        """See one line of the job's output."""

    def beside(self, hosts: Sequence[Host]) -> AbstractContextManager[None]:
        """What goes on while the job's programs run. By default nothing."""
        return nullcontext()

    def enter(self, phase: str) -> None:
        """Record that the job is now Downloading, Running or Uploading."""
        with self.context.service.lock:
            if phase == "Running":
                self.record[self.kind.started] = self.context.now()
            self.record["LastModifiedTime"] = self.context.now()

    def stopping(self) -> None:
        """Record that the job was asked to stop; the lock is held."""
        self.record[self.kind.status] = "Stopping"
        self.record["LastModifiedTime"] = self.context.now()
        emit_state(self.context, self.kind, self.record)

    def finish(self, status: str, reason: str | None, message: str | None) -> None:
        """Record the end: Completed, Failed or Stopped."""
        with self.context.service.lock:
            now = self.context.now()
            self.record.update({self.kind.status: status, "LastModifiedTime": now, self.kind.ended: now})
            if reason:
                self.record["FailureReason"] = reason[:_LONGEST_REASON]
            self._finished(status, message)
            emit_state(self.context, self.kind, self.record)
        self.context.snapshot()

    @abstractmethod
    def _finished(self, status: str, message: str | None) -> None:
        """Add what the kind records at the end; the lock is held."""


def read_input(
    storage: Storage, source: dict[str, Any], role: str, hosts: Sequence[Host]
) -> list[tuple[Host, list[S3Object]]]:
    """Which objects of the S3 ``source`` go to which host (S3DataType, S3DataDistributionType)."""
    uri = source["S3Uri"]
    found = storage.in_manifest(uri) if source.get("S3DataType") == "ManifestFile" else storage.below(uri)
    if not found:
        bucket = re.sub(r"s3://([^/]*).*", r"\1", uri)
        raise StorageError(
            f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket '
            f'exists, that objects exist under that S3 prefix, and that the role "{role}" has "s3:ListBucket" '
            f'permissions on bucket "{bucket}".'
        )
    if source.get("S3DataDistributionType") != "ShardedByS3Key":
        return [(host, found) for host in hosts]
    return [(host, found[index :: len(hosts)]) for index, host in enumerate(hosts)]


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
