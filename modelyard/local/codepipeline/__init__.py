"""CodePipeline: pipelines that really run their actions against the other services of the local AWS."""

from __future__ import annotations

import asyncio
from typing import Any

from modelyard.local.codepipeline import approvals, cloudformation, executions, jobs, pipelines, state, tags, triggers
from modelyard.local.codepipeline.api import API
from modelyard.local.codepipeline.engine import Engine
from modelyard.local.sagemaker.context import Emulator, SageMaker
from modelyard.local.sagemaker.protocol import Answer, handle_json

__all__ = ["approvals", "executions", "install", "jobs", "pipelines", "state", "tags"]


def install(emulator: Emulator, service: SageMaker) -> None:
    """Add CodePipeline to ``emulator``; its records are kept with those of ``service``."""
    service.components["codepipeline"] = Engine(service)
    cloudformation.start(service)
    triggers.accept_targets(service)

    async def handler(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Answer:
        context = service.context(*emulator.account_and_region())
        return await asyncio.to_thread(handle_json, context, headers.get("x-amz-target", ""), body, API)

    emulator.register_service(
        "codepipeline",
        target_prefixes=["CodePipeline_20150709."],
        host_patterns=[r"codepipeline\."],
        path_patterns=[],
        credential_scope="codepipeline",
        handler=handler,
    )
