"""Good and bad requests to a server of the image `asr`, what each must be answered, and a way to send many at once."""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Outcome", "Recording", "Speech", "ask", "bad", "faults", "good", "mixed"]


@dataclass(frozen=True)
class Recording:
    """A wav file and the text that the model makes of it."""

    body: bytes
    text: str
    seconds: float


@dataclass(frozen=True)
class Speech:
    """A request; `text` is None where it must be refused, with `status`."""

    name: str
    body: bytes
    content_type: str
    accept: str = "application/json"
    status: int = 200
    text: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What came of a request after so many seconds; status 0 is no answer."""

    request: Speech
    seconds: float
    status: int
    body: str


def good(recording: Recording, number: int) -> Speech:
    """One of the forms in which a recording can be sent."""
    encoded = json.dumps({"audio": base64.b64encode(recording.body).decode()}).encode()
    form, body = (
        ("audio/wav", recording.body),
        ("application/octet-stream", recording.body),
        ("application/json", encoded),
    )[number % 3]
    accept = "text/plain" if number % 5 == 0 else "application/json"
    return Speech(form, body, form, accept, text=recording.text, seconds=recording.seconds)


def bad(recording: Recording, max_seconds: float) -> list[Speech]:
    """One of each kind that must be refused."""
    return [
        Speech("no content type", recording.body, "", status=415),
        Speech("a content type of its own", recording.body, "video/mp4", status=415),
        Speech("an answer as a picture", recording.body, "audio/wav", "image/png", status=406),
        Speech("nothing", b"", "audio/wav", status=400),
        Speech("no audio", b"no audio at all", "audio/wav", status=400),
        Speech("half a header", recording.body[:20], "audio/wav", status=400),
        Speech("a header alone", recording.body[:44], "audio/wav", status=400),
        Speech("no JSON", b'{"audio": ', "application/json", status=400),
        Speech("JSON without an end in sight", b"[" * 200_000, "application/json", status=400),
        Speech("JSON without audio", b'{"speech": ""}', "application/json", status=400),
        Speech("no base64", b'{"audio": "\xc3\xa4"}', "application/json", status=400),
        Speech("base64 of no audio", b'{"audio": "AAAA"}', "application/json", status=400),
        Speech("too long", silence(max_seconds + 0.5), "audio/wav", status=413),
        Speech("too short", silence(0.01), "audio/wav", status=400),
    ]


def silence(seconds: float, rate: int = 8000) -> bytes:
    """A wav file of 16 bits."""
    data = bytes(2 * round(seconds * rate))
    numbers = ((36 + len(data), 4), (16, 4), (1, 2), (1, 2), (rate, 4), (2 * rate, 4), (2, 2), (16, 2), (len(data), 4))
    size, *form, length = (number.to_bytes(width, "little") for number, width in numbers)
    return b"".join((b"RIFF", size, b"WAVEfmt ", *form, b"data", length, data))


def mixed(recordings: Sequence[Recording], count: int, max_seconds: float, seed: int = 7) -> list[Speech]:
    """`count` requests in random order, a quarter of them bad."""
    refused = itertools.cycle(bad(recordings[0], max_seconds))
    requests = [
        next(refused) if number % 4 == 3 else good(recordings[number % len(recordings)], number)
        for number in range(count)
    ]
    random.Random(seed).shuffle(requests)
    return requests


def ask(port: int, requests: Sequence[Speech], at_once: int = 16) -> list[Outcome]:
    """Send them, `at_once` under way at any time; what came of each, in the order of `requests`."""
    numbers = iter(range(len(requests)))
    lock = threading.Lock()
    outcomes: dict[int, Outcome] = {}

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                connection.close()
                return
            outcomes[number] = _ask(connection, requests[number])

    workers = [threading.Thread(target=work) for _ in range(at_once)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return [outcomes[number] for number in range(len(requests))]


def _ask(connection: http.client.HTTPConnection, request: Speech) -> Outcome:
    headers = {"Content-Type": request.content_type, "Accept": request.accept}
    begun = time.perf_counter()
    try:
        connection.request("POST", "/invocations", body=request.body, headers=headers)
        response = connection.getresponse()
        status, body = response.status, response.read().decode()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        status, body = 0, repr(error)
    return Outcome(request, time.perf_counter() - begun, status, body)


def faults(outcomes: Sequence[Outcome]) -> list[str]:
    """What is wrong with the answers: a good request without its text, a bad one without its 4xx and a reason."""
    found = []
    for outcome in outcomes:
        request = outcome.request
        if outcome.status != request.status or not _as_expected(outcome):
            found.append(f"{request.name}: {outcome.status} {outcome.body[:200]}, expected {request.status}")
    return found


def _as_expected(outcome: Outcome) -> bool:
    request = outcome.request
    if request.text is not None and request.accept == "text/plain":
        return outcome.body == request.text
    try:
        answer: Any = json.loads(outcome.body)
    except ValueError:
        return False
    if request.text is None:
        return isinstance(answer.get("error"), str) and len(answer["error"]) > 10
    return bool(answer["text"] == request.text and abs(answer["seconds"] - request.seconds) < 0.01)
