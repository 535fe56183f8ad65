"""Application Auto Scaling: the instances of production variants follow a metric."""

from __future__ import annotations

import asyncio
from typing import Any

from modelyard.local.autoscaling import cloudformation, policies, targets
from modelyard.local.autoscaling.api import API
from modelyard.local.autoscaling.scaler import Scaler
from modelyard.local.metrics.monitor import Monitor
from modelyard.local.sagemaker.context import Emulator, SageMaker
from modelyard.local.sagemaker.protocol import Answer, handle_json

__all__ = ["install", "policies", "targets"]


def install(emulator: Emulator, service: SageMaker, monitor: Monitor) -> None:
    """Add Application Auto Scaling to ``emulator``, for the endpoints of ``service`` by the alarms of ``monitor``."""
    scaler = Scaler(service, monitor)
    monitor.transitions.on_action = scaler.invoke
    monitor.every_tick.append(scaler.settle)
    cloudformation.start(service)
    service.components["hosting"].before_update.append(targets.require_deregistered)

    async def handler(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Answer:
        context = service.context(*emulator.account_and_region())
        return await asyncio.to_thread(handle_json, context, headers.get("x-amz-target", ""), body, API)

    emulator.register_service(
        "application-autoscaling",
        target_prefixes=["AnyScaleFrontendService."],
        host_patterns=[r"application-autoscaling\."],
        path_patterns=[],
        credential_scope="application-autoscaling",
        handler=handler,
    )
