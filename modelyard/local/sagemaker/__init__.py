"""The local SageMaker: control plane, runtime, jobs, pipelines and endpoints in the local AWS's process."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import importlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from modelyard.local.sagemaker.context import Context, Emulator, SageMaker
from modelyard.local.sagemaker.errors import UnknownOperation
from modelyard.local.sagemaker.protocol import Answer, answer_error, handle_json

__all__ = ["PARTS", "Context", "Emulator", "SageMaker", "install"]

# Each module registers its operations when it is imported; `start(service)`, where it has one, adds its component.
PARTS = (
    "modelyard.local.sagemaker.tags",
    "modelyard.local.sagemaker.registry",
    "modelyard.local.sagemaker.hosting",
    "modelyard.local.sagemaker.jobs",
    "modelyard.local.sagemaker.pipelines",
    "modelyard.local.sagemaker.cloudformation",
)


def install(emulator: Emulator, state_dir: Path) -> SageMaker:
    """Add SageMaker to ``emulator``, keeping its files under ``state_dir``."""
    service = SageMaker(emulator, state_dir)
    # Its own threads: models that take their time must not hold up the other services.
    threads = ThreadPoolExecutor(max_workers=64, thread_name_prefix="sagemaker")
    for part in PARTS:
        module = importlib.import_module(part)
        if hasattr(module, "start"):
            module.start(service)

    async def handler(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Answer:
        context = service.context(*emulator.account_and_region())
        run = functools.partial(contextvars.copy_context().run, _route, context, method, path, headers, body)
        return await asyncio.get_running_loop().run_in_executor(threads, run)

    emulator.register_service(
        "sagemaker",
        target_prefixes=["SageMaker."],
        host_patterns=[r"sagemaker\."],
        path_patterns=[r"^/endpoints/[^/]+/(async-)?invocations"],
        credential_scope="sagemaker",
        handler=handler,
    )
    return service


def _route(context: Context, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
    target = headers.get("x-amz-target", "")
    if target:
        return handle_json(context, target, body)
    if path.startswith("/endpoints/"):
        from modelyard.local.sagemaker.hosting.runtime import handle_runtime

        return handle_runtime(context, method, path, headers, body)
    return answer_error(UnknownOperation(f"{method} {path} is not supported by the local AWS"))
