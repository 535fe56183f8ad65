"""Requests sent at a steady rate, whether or not those before were answered."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import threading
import time
from dataclasses import dataclass, replace
from typing import Any, Self

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from modelyard.local.instance import Instance

__all__ = ["Load", "Outcome", "Request"]

WORKERS = 32


@dataclass(frozen=True)
class Request:
    """A POST request to the local AWS, signed once: the signature of the same request holds for some minutes."""

    port: int
    path: str
    body: bytes
    headers: dict[str, str]

    @classmethod
    def signed(cls, instance: Instance, region: str, path: str, body: bytes = b"1") -> Self:
        request = AWSRequest("POST", f"{instance.url}{path}", data=body, headers={"Content-Type": "text/csv"})
        credentials = Credentials(instance.access_key, instance.secret_key)
        SigV4Auth(credentials, "sagemaker", region).add_auth(request)
        return cls(instance.port, path, body, dict(request.headers.items()))


@dataclass(frozen=True)
class Outcome:
    """One request: due so many seconds after the first, answered ``seconds`` after that; status 0 is no answer."""

    sent: float
    seconds: float
    status: int
    answer: Any
    model: str = ""
    cause: str = ""

    def of(self, model: str, cause: str) -> Outcome:
        return replace(self, model=model, cause=cause)


class Load:
    """Sends ``request`` ``rate`` times a second from entering to leaving the block."""

    def __init__(self, request: Request, rate: float) -> None:
        self.outcomes: list[Outcome] = []
        self._request = request
        self._interval = 1 / rate
        self._numbers = itertools.count()
        self._ended = threading.Event()
        self._start = 0.0
        self._workers = [threading.Thread(target=self._work, daemon=True) for _ in range(WORKERS)]

    def __enter__(self) -> Self:
        self._start = time.perf_counter()
        for worker in self._workers:
            worker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for worker in self._workers:
            worker.join()

    @property
    def elapsed(self) -> float:
        """Seconds since the first request was due."""
        return time.perf_counter() - self._start

    def wait(self, seconds: float) -> None:
        """Let it go on for so long."""
        time.sleep(max(0.0, seconds))

    def _work(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._request.port, timeout=90)
        with contextlib.closing(connection):
            while True:
                due = next(self._numbers) * self._interval
                if self._ended.wait(max(0.0, due - self.elapsed)):
                    return
                self.outcomes.append(self._ask(connection, due))

    def _ask(self, connection: http.client.HTTPConnection, due: float) -> Outcome:
        request = self._request
        try:
            connection.request("POST", request.path, body=request.body, headers=request.headers)
            response = connection.getresponse()
            body = response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return Outcome(due, self.elapsed - due, 0, repr(error))
        return Outcome(due, self.elapsed - due, response.status, _read(response.status, body))


def _read(status: int, body: str) -> Any:
    return body if status == 200 else json.loads(body)
