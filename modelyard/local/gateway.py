"""Who may talk to the local AWS: an ASGI layer in front of ministack.

A page in the user's browser can send requests to a loopback port, and this server runs code for whoever may call it. So
a request needs a loopback Host (no DNS rebinding), no foreign Origin, and a key that this instance issued.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

__all__ = ["Gateway", "KeyCheck", "Refusal"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = dict[str, str]
Query = dict[str, list[str]]
Refusal = Callable[[str, str, Headers, Query, str, str], tuple[int, dict[str, str], bytes]]

_LOOPBACK = re.compile(r"(?:127\.0\.0\.1|\[::1\]|(?:[a-z0-9-]+\.)*localhost)", re.IGNORECASE)

# What must work unsigned: the health check, and the two answers that CloudFormation hands an unguessable URL out for
# (custom resources' ResponseURL, wait conditions' signal URL; presigned S3 URLs on AWS).
_UNSIGNED = (
    ("GET", re.compile(r"/_ministack/health")),
    ("PUT", re.compile(r"/_ministack/cfn-(?:response|signal)/[0-9A-Za-z._~%-]{16,}")),
)
# ministack's own switches (reset, run-time configuration) are nobody's business, whatever the key.
_CLOSED = re.compile(r"/_(?:ministack|localstack)/(?!lambda-(?:code|layers)/)")


class KeyCheck(Protocol):
    """Judges the key that signed a request: None, or (error code, message)."""

    def __call__(self, headers: Headers, query: Query, /) -> tuple[str, str] | None: ...


class Gateway:
    """Refuses what must not reach ``inner``, and takes cross-origin headers off its answers."""

    def __init__(self, inner: Asgi, port: int, refuse_key: KeyCheck, refusal: Refusal) -> None:
        self._inner = inner
        self._port = port
        self._refuse_key = refuse_key
        self._refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await _acknowledge(receive, send)
        headers = _headers(scope["headers"])
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        method = scope.get("method", "GET")
        refused = self._refused(method, scope["path"], headers, query)
        if refused is None:
            return await self._inner(scope, receive, _without_cors(send))
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1008})
        status, answer_headers, body = self._refusal(method, scope["path"], headers, query, *refused)
        return await _answer(send, status, answer_headers, b"" if method == "HEAD" else body)

    def _refused(self, method: str, path: str, headers: Headers, query: Query) -> tuple[str, str] | None:
        if not self._is_own(headers.get("host", "")):
            return "AccessDenied", f"Host {headers.get('host', '')!r} is not a loopback name of this local AWS"
        origin = headers.get("origin")
        if origin is not None and not self._is_own(urlsplit(origin).netloc):
            return "AccessDenied", f"Origin {origin!r} may not use this local AWS"
        if any(method == verb and pattern.fullmatch(path) for verb, pattern in _UNSIGNED):
            return None
        if _CLOSED.match(path):
            return "AccessDenied", f"{path} is not part of this local AWS"
        return self._refuse_key(headers, query)

    def _is_own(self, host: str) -> bool:
        name, _, port = host.rpartition(":") if re.search(r":\d+$", host) else (host, "", "80")
        return port == str(self._port) and _LOOPBACK.fullmatch(name) is not None


async def _acknowledge(receive: Receive, send: Send) -> None:
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> Headers:
    # A repeated field counts as one, joined by commas (RFC 9110 5.2), exactly as ministack will read it.
    headers: Headers = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _without_cors(send: Send) -> Send:
    async def send_without_cors(message: Message) -> None:
        if "headers" in message:
            kept = [
                (name, value) for name, value in message["headers"] if not name.lower().startswith(b"access-control-")
            ]
            message = {**message, "headers": kept}
        await send(message)

    return send_without_cors


async def _answer(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
    # The request's body is left unread, so the connection cannot be used again.
    raw += [(b"content-length", str(len(body)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
