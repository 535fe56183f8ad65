"""The jobs of steps: where they log, and what they made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from modelyard.executions.execution import Step

__all__ = ["Client", "Job", "job_of", "made"]

Client = Callable[[str], Any]
"""Gives the boto3 client of a service."""


@dataclass(frozen=True)
class _Kind:
    """How SageMaker tells of a kind of job: its operation, and the member of the answer that is its name."""

    operation: str
    name: str

    @property
    def log_group(self) -> str:
        """https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html"""
        return f"/aws/sagemaker/{self.name.removesuffix('Name')}s"


# By the name that the metadata of a step gives it; checks run as processing jobs.
_PROCESSING = _Kind("describe_processing_job", "ProcessingJobName")
_KINDS = {
    "ProcessingJob": ("Arn", _PROCESSING),
    "TrainingJob": ("Arn", _Kind("describe_training_job", "TrainingJobName")),
    "TransformJob": ("Arn", _Kind("describe_transform_job", "TransformJobName")),
    "QualityCheck": ("CheckJobArn", _PROCESSING),
    "ClarifyCheck": ("CheckJobArn", _PROCESSING),
}

_RESOURCES = {"Model": "model", "TuningJob": "tuning job", "AutoMLJob": "AutoML job", "RegisterModel": "model package"}


@dataclass(frozen=True)
class Job:
    """The job that a step runs; its log streams are named `<name>/…`."""

    name: str
    log_group: str
    description: dict[str, Any]


def job_of(client: Client, step: Step) -> Job | None:
    """The step's job as it stands now; None where it has none.

    Its name comes from its description: SageMaker writes ARNs in small letters.
    """
    for label, (member, kind) in _KINDS.items():
        arn = step.metadata.get(label, {}).get(member)
        if arn:
            described = getattr(client("sagemaker"), kind.operation)(**{kind.name: arn.rpartition("/")[2]})
            return Job(described[kind.name], kind.log_group, described)
    return None


def made(client: Client, step: Step) -> Iterator[tuple[str, str]]:
    """What the step made, as names with S3 locations and ARNs."""
    job = job_of(client, step)
    if job:
        yield from _outputs(job.description)
    for label, word in _RESOURCES.items():
        if step.arn(label):
            yield word, step.arn(label)
    if step.arn("RegisterModel"):
        package = client("sagemaker").describe_model_package(ModelPackageName=step.arn("RegisterModel"))
        yield "approval", package["ModelApprovalStatus"]
        statistics = package.get("ModelMetrics", {}).get("ModelQuality", {}).get("Statistics", {})
        if "S3Uri" in statistics:
            yield "evaluation", statistics["S3Uri"]


def _outputs(described: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for output in described.get("ProcessingOutputConfig", {}).get("Outputs", []):
        if "S3Output" in output:
            yield output["OutputName"], output["S3Output"]["S3Uri"]
    for name, location in (
        ("model", described.get("ModelArtifacts", {}).get("S3ModelArtifacts")),
        ("predictions", described.get("TransformOutput", {}).get("S3OutputPath")),
    ):
        if location:
            yield name, location
