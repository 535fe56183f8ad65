"""CodePipeline: pipelines that really run their actions against the other services of the local AWS."""

from __future__ import annotations

from modelyard.local.codepipeline import approvals, cloudformation, executions, jobs, pipelines, state, tags, triggers
from modelyard.local.codepipeline.api import API
from modelyard.local.codepipeline.engine import Engine
from modelyard.local.sagemaker.context import SageMaker
from modelyard.local.sagemaker.protocol import serve_json

__all__ = ["approvals", "executions", "install", "jobs", "pipelines", "state", "tags"]


def install(service: SageMaker) -> None:
    """Add CodePipeline to the emulator of ``service``; its records are kept with those of ``service``."""
    service.components["codepipeline"] = Engine(service)
    cloudformation.start(service)
    triggers.accept_targets(service)
    serve_json(service, "codepipeline", "CodePipeline_20150709.", API)
