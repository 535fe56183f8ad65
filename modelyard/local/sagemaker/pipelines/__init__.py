"""Pipelines: the same definition JSON that AWS gets, interpreted."""

from __future__ import annotations

from modelyard.local.sagemaker.context import SageMaker
from modelyard.local.sagemaker.pipelines import executions, pipelines
from modelyard.local.sagemaker.pipelines.engine import PipelineEngine
from modelyard.local.sagemaker.pipelines.triggers import accept_targets

__all__ = ["PipelineEngine", "executions", "pipelines", "start"]


def start(service: SageMaker) -> None:
    """Add the component that runs executions, and EventBridge's way to start them."""
    service.components["pipelines"] = PipelineEngine(service)
    accept_targets(service)
