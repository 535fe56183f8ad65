"""Application Auto Scaling: the instances of production variants follow a metric."""

from __future__ import annotations

from modelyard.local.autoscaling import cloudformation, policies, targets
from modelyard.local.autoscaling.api import API
from modelyard.local.autoscaling.scaler import Scaler
from modelyard.local.metrics.monitor import Monitor
from modelyard.local.sagemaker.context import SageMaker
from modelyard.local.sagemaker.protocol import serve_json

__all__ = ["install", "policies", "targets"]


def install(service: SageMaker, monitor: Monitor) -> None:
    """Add Application Auto Scaling to the emulator of ``service``, for its endpoints by the alarms of ``monitor``."""
    scaler = Scaler(service, monitor)
    monitor.transitions.on_action = scaler.invoke
    monitor.every_tick.append(scaler.settle)
    cloudformation.start(service)
    service.components["hosting"].before_update.append(targets.require_deregistered)
    serve_json(service, "application-autoscaling", "AnyScaleFrontendService.", API)
