"""Real-time hosting: models, endpoint configurations, and endpoints whose instances are real server processes."""

from __future__ import annotations

from modelyard.local.sagemaker.context import SageMaker
from modelyard.local.sagemaker.hosting import configs, endpoints, models
from modelyard.local.sagemaker.hosting.host import EndpointHost

__all__ = ["configs", "endpoints", "models", "start"]


def start(service: SageMaker) -> None:
    """Let ``service`` run the processes of its endpoints."""
    service.components["hosting"] = EndpointHost(service)
