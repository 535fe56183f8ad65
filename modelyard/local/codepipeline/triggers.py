"""Starts pipelines for EventBridge: rules and schedules whose target is a pipeline's ARN."""

from __future__ import annotations

from typing import Any

from modelyard.local.codepipeline.api import find_pipeline
from modelyard.local.sagemaker.context import SageMaker

__all__ = ["accept_targets"]


def accept_targets(service: SageMaker) -> None:
    """Let EventBridge start pipelines."""

    def deliver(arn: str, target: dict[str, Any]) -> None:
        _, _, _, region, account, name = arn.split(":", 5)
        context = service.context(account, region)
        with service.lock:
            pipeline = find_pipeline(context, name)
            context.component("codepipeline").start(context, pipeline, {"triggerType": "CloudWatchEvent"})

    service.emulator.register_event_target("codepipeline", deliver)
