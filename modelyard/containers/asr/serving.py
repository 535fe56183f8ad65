"""Serves the speech model in `/opt/ml/model` over SageMaker's hosting contract: `GET /ping`, `POST /invocations`.

A request holds a recording of any sample rate, mono or stereo: the bytes of a wav or flac file as audio/wav, audio/flac
or application/octet-stream, or the JSON `{"audio": "<the same in base64>"}`. The answer is JSON:

    {"text": "m five three", "seconds": 2.16, "model_version": "3", "model_package_arn": "arn:…:model-package/…/3"}

or the text alone as text/plain, where Accept asks for that. Version and ARN come from MODEL_PACKAGE_ARN, and are null
without it. What cannot be transcribed is answered with 415 (content type), 406 (accept), 413 (too long) or 400, and
what comes while too many others wait with 503; each with the reason as JSON `{"error": …}`. Requests that come together
run in one batch; limits.py says how they are bounded. A model that cannot load, or whose largest batch does not fit
into the GPU's memory, ends the program with code 1 and the reason on standard error.
See https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from audio import Refusal, Samples, recording
from batching import Batcher
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from limits import Limits

if TYPE_CHECKING:
    from recognition import Recogniser

JSON = "application/json"
TEXT = "text/plain"
FORMS = (JSON, TEXT)
MODEL_DIR = Path(os.environ.get("SM_MODEL_DIR") or Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"), "model"))
# Of base64 and JSON around the longest recording, at the highest rate; SageMaker itself allows 25 MB.
MAX_BYTES = 64 * 2**20


def acceptable(accept: str) -> str:
    """The first media type of `accept` that can be answered; JSON where any will do."""
    for part in accept.split(","):
        form = part.partition(";")[0].strip().lower()
        if form in ("", "*/*"):
            return JSON
        if form in FORMS:
            return form
    raise Refusal(406, f"Accept {accept} cannot be answered; ask for {' or '.join(FORMS)}")


def identity(arn: str | None) -> dict[str, str | None]:
    """The version that serves, as its model package names it."""
    number = (arn or "").rpartition("/")[2]
    return {"model_version": number if number.isdigit() else None, "model_package_arn": arn or None}


async def content(request: Request) -> bytes:
    """The request's body, unless it is too large for any recording."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise Refusal(413, f"the body is larger than {MAX_BYTES} bytes")
    return bytes(body)


def application(recogniser: Recogniser) -> FastAPI:
    """The two routes. Decoding and inference run in threads, so that /ping answers meanwhile."""
    app = FastAPI(openapi_url=None)
    limits = recogniser.limits
    rate = recogniser.sample_rate
    batcher: Batcher[Samples, str] = Batcher(recogniser.transcribe, size=limits.max_batch, wait=limits.wait_ms / 1000)
    places = asyncio.Semaphore(limits.max_waiting)
    version = identity(os.environ.get("MODEL_PACKAGE_ARN"))

    async def decoded(request: Request) -> Samples:
        # The body ends here: what waits for its batch is only as large as its samples.
        body, kind = await content(request), request.headers.get("content-type", "")
        return await run_in_threadpool(recording, body, kind, rate=rate, max_seconds=limits.max_seconds)

    @app.get("/ping")
    async def ping() -> Response:
        # A failed health check lets SageMaker replace the instance.
        if recogniser.broken:
            return Response(json.dumps({"error": recogniser.broken}), 500, media_type=JSON)
        return Response(media_type=JSON)

    @app.post("/invocations")
    async def invocations(request: Request) -> Response:
        try:
            form = acceptable(request.headers.get("accept", ""))
            if places.locked():
                # Before the body is read: it is never held.
                raise Refusal(503, f"{limits.max_waiting} requests wait already; send this one again later")
            async with places:
                samples = await decoded(request)
                text = await asyncio.wrap_future(batcher.submit(samples))
        except Refusal as refusal:
            return Response(json.dumps({"error": str(refusal)}), refusal.status, media_type=JSON)
        except Exception as error:
            traceback.print_exc()
            return Response(json.dumps({"error": f"{type(error).__name__}: {error}"}), 500, media_type=JSON)
        seconds = round(len(samples) / rate, 3)
        answer = text if form == TEXT else json.dumps({"text": text, "seconds": seconds, **version})
        return Response(answer, headers={"Content-Type": form})

    return app


def main() -> int:
    """Load the model and serve it until SIGTERM."""
    try:
        limits = Limits.of(MODEL_DIR)
        # Here, since it takes many seconds, and fails where a library of the GPU is missing.
        from recognition import Recogniser

        recogniser = Recogniser(MODEL_DIR, limits)
    except Exception as error:
        traceback.print_exc()
        print(f"cannot load the model: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    uvicorn.run(
        application(recogniser),
        host=os.environ.get("SAGEMAKER_BIND_TO_HOST", "0.0.0.0"),
        port=int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080")),
        log_level="warning",
    )
    return 0
