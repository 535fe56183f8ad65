"""CodeBuild: builds that really run their buildspec, with this machine's programs and a `docker` of our own."""

from __future__ import annotations

import asyncio
from typing import Any

from modelyard.local.codebuild import builds, cloudformation, projects
from modelyard.local.codebuild.api import API
from modelyard.local.codebuild.runner import BuildRunner
from modelyard.local.sagemaker.context import Emulator, SageMaker
from modelyard.local.sagemaker.protocol import Answer, handle_json

__all__ = ["builds", "install", "projects"]


def install(emulator: Emulator, service: SageMaker) -> None:
    """Put CodeBuild in the place of ``emulator``'s own; its records are kept with those of ``service``."""
    service.components["codebuild"] = BuildRunner(service)
    cloudformation.start(service)

    async def handler(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Answer:
        context = service.context(*emulator.account_and_region())
        return await asyncio.to_thread(handle_json, context, headers.get("x-amz-target", ""), body, API)

    emulator.register_service(
        "codebuild",
        target_prefixes=["CodeBuild_20161006."],
        host_patterns=[r"codebuild\."],
        path_patterns=[],
        credential_scope="codebuild",
        handler=handler,
    )
