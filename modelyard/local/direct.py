"""AWS clients of the server itself: their requests are answered in this process, without a socket.

A job makes about six AWS calls; over HTTP each costs the server twice what answering it does.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.awsrequest import AWSResponse

__all__ = ["Direct"]

Asgi = Callable[[MutableMapping[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Any]
TIMEOUT_SECONDS = 120.0


class Direct:
    """Answers what boto3 clients send with ``application``, on the event loop that serves it."""

    def __init__(self, application: Asgi) -> None:
        self._application = application
        self._loop: asyncio.AbstractEventLoop | None = None

    def serve_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on answer on ``loop``; until then requests go out over HTTP."""
        self._loop = loop

    def attach(self, client: Any) -> None:
        """Answer every request of ``client``, which must not be used on the event loop's own thread."""
        client.meta.events.register("before-send.*.*", self._send)

    def _send(self, request: Any, **_: Any) -> AWSResponse | None:
        if self._loop is None or not self._loop.is_running():
            return None
        body = request.body or b""
        content = body.read() if hasattr(body, "read") else body
        content = content.encode() if isinstance(content, str) else bytes(content)
        answer = asyncio.run_coroutine_threadsafe(self._answer(request, content), self._loop)
        status, headers, raw = answer.result(TIMEOUT_SECONDS)
        return AWSResponse(request.url, status, headers, raw)

    async def _answer(self, request: Any, content: bytes) -> tuple[int, dict[str, str], _Raw]:
        messages = iter([{"type": "http.request", "body": content, "more_body": False}])
        status, headers, chunks = 500, {}, []

        async def receive() -> Any:
            return next(messages, {"type": "http.disconnect"})

        async def send(message: Any) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
            else:
                chunks.append(message.get("body", b""))

        await self._application(_scope(request, len(content)), receive, send)
        return status, headers, _Raw(b"".join(chunks))


class _Raw(io.BytesIO):
    """The body of an answer, as botocore reads it from urllib3."""

    def stream(self, amount: int = 65536, **_: Any) -> Iterator[bytes]:
        while chunk := self.read(amount):
            yield chunk


def _scope(request: Any, length: int) -> dict[str, Any]:
    parts = urlsplit(request.url)
    headers = {name.lower(): value for name, value in request.headers.items()}
    headers.setdefault("host", parts.netloc)
    headers["content-length"] = str(length)
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(parts.path),
        "raw_path": parts.path.encode("ascii"),
        "query_string": parts.query.encode("ascii"),
        "headers": [(name.encode("latin-1"), _text(value).encode("latin-1")) for name, value in headers.items()],
        "client": ("127.0.0.1", 0),
        "server": (parts.hostname, parts.port),
    }


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
