"""A record of AWS calls: one line of JSON for each thing that IAM would have judged."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from modelyard.local.accounts import Accounts, role_of
from modelyard.local.actions import Request, checks

__all__ = ["Recorder"]

log = logging.getLogger("modelyard.local")

# Of longer requests the names are at the beginning, and uploads need not be kept.
_BODY_BYTES = 1 << 20
_ERROR_BYTES = 1 << 16
_CODE = re.compile(r"<Code>([^<]+)</Code>")


class Recorder:
    """Appends the signed requests that ``accounts`` answers to ``file``."""

    def __init__(self, accounts: Accounts, file: Path) -> None:
        self._accounts = accounts
        # Kept open for as long as the server runs.
        self._lines = file.open("a", buffering=1)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Serve a request and write down what it asked for and what became of it."""
        if scope["type"] != "http":
            await self._accounts(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)

        def note(exchange: _Exchange) -> None:
            caller = self._accounts.caller(headers, query)
            if caller is not None:
                account = caller.split(":")[4]
                request = Request(scope["method"], scope["path"], headers, query, bytes(exchange.body), account)
                self._write(request, caller, exchange)

        exchange = _Exchange(receive, send, note)
        await self._accounts(scope, exchange.receive, exchange.send)

    def _write(self, request: Request, caller: str, exchange: _Exchange) -> None:
        for action, resources in checks(request):
            line = {
                "time": round(time.time(), 3),
                "principal": caller,
                "role": role_of(caller),
                "account": request.account,
                "region": request.scope[0],
                "action": action,
                "resources": resources,
                "status": exchange.status,
                "error": exchange.error,
            }
            self._lines.write(json.dumps(line) + "\n")


class _Exchange:
    """What passes between a client and the server; ``note`` is told before the client has the whole answer."""

    def __init__(
        self,
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
        note: Callable[[_Exchange], None],
    ) -> None:
        self._note = note
        self._receive = receive
        self._send = send
        self._answer = bytearray()
        self.body = bytearray()
        self.status = 0
        self.error_header = ""

    async def receive(self) -> Any:
        message = await self._receive()
        if len(self.body) < _BODY_BYTES:
            self.body += message.get("body", b"")
        return message

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            named = {name.lower(): value for name, value in message["headers"]}
            self.error_header = named.get(b"x-amzn-errortype", b"").decode("latin-1")
        elif self.status >= 400 and len(self._answer) < _ERROR_BYTES:
            self._answer += message.get("body", b"")
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self._end()
        await self._send(message)

    def _end(self) -> None:
        try:
            self._note(self)
        except Exception:
            # The call itself is to be answered all the same.
            log.exception("a call was not recorded")

    @property
    def error(self) -> str:
        """The code of an error; empty for an answer that is none, or says none (HEAD)."""
        if self.status < 400:
            return ""
        text = self._answer.decode("utf-8", "replace")
        found = _CODE.search(text)
        if found or self.error_header:
            return found.group(1) if found else self.error_header.partition(":")[0]
        try:
            return str(json.loads(text).get("__type", "")).rpartition("#")[2]
        except (ValueError, AttributeError):
            return ""
