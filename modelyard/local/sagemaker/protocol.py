"""AWS's JSON 1.1 protocol: requests and answers checked against botocore's own service model."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from typing import Any

from modelyard.local.sagemaker.context import Context, SageMaker
from modelyard.local.sagemaker.errors import SageMakerError, UnknownOperation
from modelyard.local.sagemaker.operations import SAGEMAKER, Api
from modelyard.shapes import operation_input, operation_output, problems, service_model

__all__ = ["Answer", "answer_error", "call", "handle_json", "serve_json"]

log = logging.getLogger("modelyard.local.sagemaker")

Answer = tuple[int, dict[str, str], bytes]


def serve_json(service: SageMaker, name: str, target_prefix: str, api: Api) -> None:
    """Have the emulator of ``service`` answer another AWS service, ``name``, by the operations of ``api``."""
    emulator = service.emulator

    async def handler(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Answer:
        context = service.context(*emulator.account_and_region())
        return await asyncio.to_thread(handle_json, context, headers.get("x-amz-target", ""), body, api)

    emulator.register_service(
        name,
        target_prefixes=[target_prefix],
        host_patterns=[rf"{re.escape(name)}\."],
        path_patterns=[],
        credential_scope=name,
        handler=handler,
    )


def handle_json(context: Context, target: str, body: bytes, api: Api = SAGEMAKER) -> Answer:
    """Answer one control plane request (``X-Amz-Target: <prefix>.<operation>``)."""
    name = target.partition(".")[2]
    try:
        try:
            request = json.loads(body or b"{}")
        except ValueError as error:
            raise api.invalid(f"The request body is not JSON: {error}") from None
        return _answer(200, call(context, name, request, api))
    except SageMakerError as error:
        return answer_error(error)
    except Exception as error:
        log.exception("%s failed", name)
        return _answer(500, {"__type": "InternalFailure", "message": f"{type(error).__name__}: {error}"})


def call(context: Context, name: str, request: dict[str, Any], api: Api = SAGEMAKER) -> dict[str, Any]:
    """Call the operation ``name`` as a client would, without the wire; raises ``SageMakerError``."""
    function = api.operations.get(name)
    if function is None:
        known = name in service_model(api.service).operation_names
        raise UnknownOperation(
            f"{api.title}'s operation {name} is not supported by the local AWS"
            if known
            else f"Unknown operation {name}"
        )
    found = list(problems(operation_input(api.service, name), request))
    if found:
        noun = "error" if len(found) == 1 else "errors"
        raise api.invalid(f"{len(found)} validation {noun} detected: {'; '.join(map(str, found))}")
    with context.service.lock:
        result = function(context, request) or {}
        # Copied inside the lock: a background thread may change the record while the answer is written.
        return _output(api, name, result)


def _output(api: Api, name: str, result: dict[str, Any]) -> dict[str, Any]:
    shape = operation_output(api.service, name)
    answered = _known(shape, result) if shape is not None else {}
    found = problems(shape, answered) if shape is not None else ()
    # Of lists that must not be empty in a request, AWS answers empty ones.
    wrong = [problem for problem in found if problem.value != []]
    if wrong:
        raise AssertionError(f"{name} answers what AWS would not: {'; '.join(map(str, wrong))}")
    return json.loads(json.dumps(answered))  # type: ignore[no-any-return]


def _known(shape: Any, value: Any) -> Any:
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        return {
            name: _known(shape.members[name], item)
            for name, item in value.items()
            if name in shape.members and item is not None
        }
    if kind == "list" and isinstance(value, list | tuple):
        return [_known(shape.member, item) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: _known(shape.value, item) for key, item in value.items()}
    return value


def answer_error(error: SageMakerError) -> Answer:
    """The wire form of ``error``."""
    return _answer(error.status, {"__type": error.code, "message": error.message}, {"x-amzn-ErrorType": error.code})


def _answer(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> Answer:
    # The request id is added by the server.
    return status, {"Content-Type": "application/x-amz-json-1.1", **(headers or {})}, json.dumps(body).encode()
