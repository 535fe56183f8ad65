"""Pipelines: the same definition JSON that AWS gets, interpreted."""

from __future__ import annotations

from modelyard.local.sagemaker.context import SageMaker
from modelyard.local.sagemaker.pipelines import executions, pipelines
from modelyard.local.sagemaker.pipelines.engine import PipelineEngine

__all__ = ["PipelineEngine", "executions", "pipelines", "start"]


def start(service: SageMaker) -> None:
    """Add the component that runs executions."""
    service.components["pipelines"] = PipelineEngine(service)
