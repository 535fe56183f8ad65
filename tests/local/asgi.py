"""ministack in the test's own process: requests go to its ASGI application without a network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from modelyard.local.emulator import asgi_app

__all__ = ["describe_stack", "request", "settled"]

SIGNED = "AWS4-HMAC-SHA256 Credential=AKIA/20261122/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"


async def request(
    service: str,
    body: str = "",
    *,
    path: str = "/",
    region: str = "eu-west-1",
    application: Callable[..., Any] = asgi_app,
    **headers: str,
) -> tuple[int, str]:
    """One POST to ``service``: (status, body)."""
    sent = {"host": "127.0.0.1:4566", "authorization": SIGNED.format(region=region, service=service)}
    sent.update({name.replace("_", "-"): value for name, value in headers.items()})
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
    }
    answer: list[Any] = []
    messages = iter([{"type": "http.request", "body": body.encode(), "more_body": False}])

    async def receive() -> Any:
        return next(messages, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        answer.append(message)

    await application(scope, receive, send)
    return answer[0]["status"], b"".join(part.get("body", b"") for part in answer[1:]).decode()


async def describe_stack(name: str) -> dict[str, str]:
    """The text members of a stack's description."""
    status, text = await request("cloudformation", f"Action=DescribeStacks&Version=2010-05-15&StackName={name}")
    if status != 200:
        return {"StackStatus": "GONE"}
    return {node.tag.rpartition("}")[2]: node.text or "" for node in ElementTree.fromstring(text).iter()}


async def settled(name: str) -> dict[str, str]:
    """The stack once no operation on it is in progress."""
    async with asyncio.timeout(30):
        while (stack := await describe_stack(name))["StackStatus"].endswith("_IN_PROGRESS"):
            await asyncio.sleep(0.01)
    return stack
