"""Starts pipelines for EventBridge: rules and schedules whose target is a pipeline's ARN."""

from __future__ import annotations

import uuid
from typing import Any

from modelyard.local.sagemaker.context import SageMaker
from modelyard.local.sagemaker.protocol import call

__all__ = ["accept_targets"]


def accept_targets(service: SageMaker) -> None:
    """Let EventBridge start pipelines, with the parameters that the target gives."""

    def deliver(arn: str, target: dict[str, Any]) -> None:
        _, _, _, region, account, resource = arn.split(":", 5)
        kind, _, name = resource.partition("/")
        if kind != "pipeline":
            raise ValueError(f"{arn} is no pipeline: SageMaker's only target of EventBridge")
        given = target.get("SageMakerPipelineParameters") or {}
        request = {
            "PipelineName": name,
            "PipelineParameters": given.get("PipelineParameterList") or [],
            "ClientRequestToken": uuid.uuid4().hex,
        }
        call(service.context(account, region), "StartPipelineExecution", request)

    service.emulator.register_event_target("sagemaker", deliver)
