"""Processing and training jobs: the step's real program in a process of its own for each instance."""

from __future__ import annotations

from modelyard.local.sagemaker.context import SageMaker
from modelyard.local.sagemaker.jobs import processing, training
from modelyard.local.sagemaker.jobs.runner import JobRunner

__all__ = ["JobRunner", "processing", "start", "training"]


def start(service: SageMaker) -> None:
    """Add the component that runs jobs."""
    service.components["jobs"] = JobRunner(service)
