"""What the server says when inference fails or cannot keep up, with a recogniser that does so when it is told to."""

import asyncio
import json
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from benchmarks.speech_requests import silence
from tests.containers.asr.image import IMAGE

MODULES = ("audio", "batching", "limits", "serving")


class Recogniser:
    """Counts samples; fails where a recording has as many as `failing`."""

    sample_rate = 8000
    limits = SimpleNamespace(max_seconds=2.0, max_batch=4, wait_ms=1, max_waiting=2)
    failing = 8000

    def __init__(self) -> None:
        self.broken: str | None = None
        self.begun = threading.Event()
        self.open = threading.Event()
        self.open.set()

    def transcribe(self, recordings: Sequence[Sequence[float]]) -> list[str]:
        self.begun.set()
        assert self.open.wait(10)
        if any(len(recording) == self.failing for recording in recordings):
            raise RuntimeError("no result")
        return [str(len(recording)) for recording in recordings]


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The image's module, which finds its own beside it."""
    monkeypatch.delenv("MODEL_PACKAGE_ARN", raising=False)
    monkeypatch.syspath_prepend(str(IMAGE.folder))
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield __import__("serving")
    for name in MODULES:
        sys.modules.pop(name, None)


async def ask(application: Any, method: str, path: str, parts: list[bytes]) -> tuple[int, Any]:
    """Status and JSON of one request to an ASGI application, which takes the body out of `parts` when it reads it."""
    headers = [(b"content-type", b"audio/wav")]
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers}
    answer: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(message: Any) -> None:
        answer.append(message)

    await application(scope, receive, send)
    content = b"".join(part.get("body", b"") for part in answer[1:])
    return answer[0]["status"], json.loads(content or b"null")


def request(application: Any, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
    """The same, alone."""
    return asyncio.run(ask(application, method, path, [body]))


def test_a_failed_inference_is_a_500_and_the_next_request_is_served(
    serving: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    application = serving.application(Recogniser())
    assert request(application, "POST", "/invocations", silence(1.0)) == (500, {"error": "RuntimeError: no result"})
    assert "RuntimeError: no result" in capsys.readouterr().err
    assert request(application, "POST", "/invocations", silence(0.5)) == (
        200,
        {"text": "4000", "seconds": 0.5, "model_version": None, "model_package_arn": None},
    )
    assert request(application, "GET", "/ping") == (200, None)


def test_beyond_the_bound_a_request_is_refused_unread_and_those_that_wait_are_answered(serving: ModuleType) -> None:
    recogniser = Recogniser()
    recogniser.open.clear()
    application = serving.application(recogniser)

    async def flood() -> None:
        bodies = [[silence(0.5)] for _ in range(3)]
        waiting = [asyncio.create_task(ask(application, "POST", "/invocations", body)) for body in bodies[:2]]
        assert await asyncio.to_thread(recogniser.begun.wait, 10)
        refused = await ask(application, "POST", "/invocations", bodies[2])
        assert refused == (503, {"error": "2 requests wait already; send this one again later"})
        assert [len(body) for body in bodies] == [0, 0, 1]
        assert await ask(application, "GET", "/ping", []) == (200, None)
        recogniser.open.set()
        assert [status for status, _ in await asyncio.gather(*waiting)] == [200, 200]
        assert (await ask(application, "POST", "/invocations", bodies[2]))[0] == 200

    asyncio.run(flood())


def test_what_waits_holds_its_samples_and_no_longer_its_body(serving: ModuleType) -> None:
    recogniser = Recogniser()
    recogniser.open.clear()
    application = serving.application(recogniser)

    async def hold() -> None:
        tracemalloc.start()
        waiting = asyncio.create_task(ask(application, "POST", "/invocations", [silence(1.9, rate=384_000)]))
        assert await asyncio.to_thread(recogniser.begun.wait, 10)
        # The thread that decoded lets go of the body when it comes to its next turn.
        deadline = time.monotonic() + 10
        while (held := tracemalloc.get_traced_memory()[0]) > 500_000 and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        most = tracemalloc.get_traced_memory()[1]
        recogniser.open.set()
        assert (await waiting)[0] == 200
        assert held < 500_000 < 1_400_000 < most

    try:
        asyncio.run(hold())
    finally:
        tracemalloc.stop()


def test_a_gpu_that_is_lost_fails_the_health_check(serving: ModuleType) -> None:
    recogniser = Recogniser()
    recogniser.broken = "CUDA error: unspecified launch failure"
    answer = request(serving.application(recogniser), "GET", "/ping")
    assert answer == (500, {"error": "CUDA error: unspecified launch failure"})


@pytest.mark.parametrize(
    ("arn", "version"),
    [
        ("arn:aws:sagemaker:us-east-1:111122223333:model-package/modelyard-dev-asr/3", "3"),
        ("arn:aws:sagemaker:us-east-1:111122223333:model-package/unversioned", None),
        (None, None),
        ("", None),
    ],
)
def test_the_version_is_the_number_of_the_model_package(
    serving: ModuleType, arn: str | None, version: str | None
) -> None:
    assert serving.identity(arn) == {"model_version": version, "model_package_arn": arn or None}
