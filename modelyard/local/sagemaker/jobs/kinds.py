"""What processing and training jobs have in common as records: names, statuses, events, lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from modelyard.local.sagemaker.context import Context, Record, Table
from modelyard.local.sagemaker.errors import ResourceInUse, ResourceNotFound, ValidationException
from modelyard.local.sagemaker.operations import operation
from modelyard.local.sagemaker.paging import listed
from modelyard.local.sagemaker.tags import set_tags

__all__ = ["KINDS", "PROCESSING", "RUNNING", "TRAINING", "Kind", "add_operations", "emit_state"]

RUNNING = ("InProgress", "Stopping")


@dataclass(frozen=True)
class Kind:
    """A kind of job: ``label`` begins the names of its operations and members."""

    label: str
    table: str
    resource: str

    @property
    def name(self) -> str:
        return f"{self.label}JobName"

    @property
    def arn(self) -> str:
        return f"{self.label}JobArn"

    @property
    def status(self) -> str:
        return f"{self.label}JobStatus"

    @property
    def started(self) -> str:
        return f"{self.label}StartTime"

    @property
    def ended(self) -> str:
        return f"{self.label}EndTime"

    @property
    def log_group(self) -> str:
        return f"/aws/sagemaker/{self.label}Jobs"

    def jobs(self, context: Context) -> Table:
        return context.table(self.table)

    def find(self, context: Context, name: str) -> Record:
        """The job ``name``; raises ``ResourceNotFound`` in SageMaker's words."""
        record = self.jobs(context).get(name)
        if record is None:
            raise ResourceNotFound("Requested resource not found.")
        return record

    def add(self, context: Context, request: dict[str, Any]) -> Record:
        """The new record of ``request``; raises ``ResourceInUse`` where the name is taken."""
        name, now = request[self.name], context.now()
        arn = context.arn(f"{self.resource}/{name}")
        if name in self.jobs(context):
            raise ResourceInUse(
                "Job name must be unique within an AWS account and region, "
                f"and a {self.label.lower()} job with this name already exists ({arn})"
            )
        kept = {key: value for key, value in request.items() if key != "Tags"}
        record = {**kept, self.arn: arn, self.status: "InProgress", "CreationTime": now, "LastModifiedTime": now}
        self.jobs(context)[name] = record
        set_tags(context, arn, request.get("Tags", []))
        return record


PROCESSING = Kind("Processing", "processing-jobs", "processing-job")
TRAINING = Kind("Training", "training-jobs", "training-job")
KINDS = (PROCESSING, TRAINING)

_TIMES = ("CreationTime", "LastModifiedTime", "StartTime", "EndTime", "Timestamp")


def emit_state(context: Context, kind: Kind, record: Record) -> None:
    """Emit the job's state change event: the job as Describe answers it, times in epoch milliseconds."""
    detail = {key: _in_event(key, value) for key, value in record.items()}
    context.emit(f"SageMaker {kind.label} Job State Change", detail, [record[kind.arn]])


def _in_event(key: str, value: Any) -> Any:
    if isinstance(value, float) and key.endswith(_TIMES):
        return int(value * 1000)
    if isinstance(value, dict):
        return {name: _in_event(name, item) for name, item in value.items()}
    if isinstance(value, list):
        return [_in_event(key, item) for item in value]
    return value


def add_operations(kind: Kind, start: Callable[[Context, dict[str, Any]], Record]) -> None:
    """Register the Create, Describe, List and Stop operations of ``kind``; ``start`` makes the record and runs it."""

    @operation(f"Create{kind.label}Job")
    def create(context: Context, request: dict[str, Any]) -> Record:
        return start(context, request)

    @operation(f"Describe{kind.label}Job")
    def describe(context: Context, request: dict[str, Any]) -> Record:
        return kind.find(context, request[kind.name])

    @operation(f"List{kind.label}Jobs")
    def list_jobs(context: Context, request: dict[str, Any]) -> dict[str, Any]:
        return listed(
            request,
            kind.jobs(context).values(),
            answer=f"{kind.label}JobSummaries",
            name=kind.name,
            filters={"StatusEquals": lambda record, status: bool(record[kind.status] == status)},
            sort_fields={"Status": kind.status},
            page_size=10,
        )

    @operation(f"Stop{kind.label}Job")
    def stop(context: Context, request: dict[str, Any]) -> None:
        record = kind.find(context, request[kind.name])
        if record[kind.status] == "Stopping":
            return
        if record[kind.status] != "InProgress":
            raise ValidationException(
                f"The request was rejected because the {kind.label.lower()} job is in status {record[kind.status]}."
            )
        context.component("jobs").stop(record[kind.arn])
