"""An execution of a pipeline and its steps, as SageMaker tells of them at a moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

__all__ = ["ENDED", "Execution", "Step", "execution_id", "look", "steps_of"]

ENDED = frozenset({"Succeeded", "Failed", "Stopped"})


@dataclass(frozen=True)
class Step:
    """A step that has started. `cached_from` is the execution whose result it took, if it did not run itself.

    `metadata` is what SageMaker says it made, by kind: `{"TrainingJob": {"Arn": …}}`.
    """

    name: str
    status: str
    started: datetime | None
    ended: datetime | None
    reason: str = ""
    cached_from: str = ""
    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)

    def arn(self, kind: str) -> str:
        """The ARN of what it made of that kind; empty if it made none."""
        return str(self.metadata.get(kind, {}).get("Arn", ""))


@dataclass(frozen=True)
class Execution:
    """An execution, with its steps in the order in which they started."""

    arn: str
    status: str
    reason: str
    started: datetime
    steps: tuple[Step, ...]

    @property
    def id(self) -> str:
        """The last part of its ARN."""
        return execution_id(self.arn)

    @property
    def ended(self) -> bool:
        """Whether nothing more comes of it."""
        return self.status in ENDED

    @property
    def failures(self) -> list[str]:
        """What each failed step says."""
        return [f"{step.name}: {step.reason}" for step in self.steps if step.status == "Failed"]

    @property
    def package_arn(self) -> str:
        """The model package that it registered; empty where it registered none."""
        return next(filter(None, (step.arn("RegisterModel") for step in self.steps)), "")

    def seconds(self, now: datetime) -> float:
        """How long it took, or takes so far."""
        ends = [step.ended for step in self.steps if step.ended]
        end = max(ends, default=self.started) if self.ended else now
        return max(0.0, (end - self.started).total_seconds())


def execution_id(arn: str) -> str:
    """The last part of an execution's ARN."""
    return arn.rpartition("/")[2]


def look(sagemaker: Any, arn: str) -> Execution:
    """How the execution stands now; `sagemaker` is a boto3 client.

    The execution is read before its steps, so that those of one that has ended are complete.
    """
    described = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    return Execution(
        arn=arn,
        status=described["PipelineExecutionStatus"],
        reason=described.get("FailureReason", ""),
        started=described["CreationTime"],
        steps=steps_of(sagemaker, arn),
    )


def steps_of(sagemaker: Any, arn: str) -> tuple[Step, ...]:
    """The steps of the execution that have started, in their order."""
    paginator = sagemaker.get_paginator("list_pipeline_execution_steps")
    pages = paginator.paginate(PipelineExecutionArn=arn, SortOrder="Ascending")
    return tuple(_step(item) for page in pages for item in page["PipelineExecutionSteps"])


def _step(item: dict[str, Any]) -> Step:
    return Step(
        name=item["StepName"],
        status=item["StepStatus"],
        started=item.get("StartTime"),
        ended=item.get("EndTime"),
        reason=item.get("FailureReason", ""),
        cached_from=item.get("CacheHitResult", {}).get("SourcePipelineExecutionArn", ""),
        metadata=item.get("Metadata", {}),
    )
