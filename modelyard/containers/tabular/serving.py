"""Serves the model in `/opt/ml/model` over SageMaker's hosting contract: `GET /ping`, `POST /invocations`.

The model brings `code/inference.py` (another name: SAGEMAKER_PROGRAM) with the functions of SageMaker's own images:

    model_fn(model_dir: str) -> model                   load it; called once, before /ping answers
    input_fn(body: str, content_type: str) -> data      raise ValueError with the reason for input it cannot read
    predict_fn(data, model) -> prediction
    output_fn(prediction, accept: str) -> str           optional; by default a sequence of numbers, or of sequences

text/csv and application/json come in and go out. Input nobody can read is answered with 415 (content type), 406
(accept) or 400 (content), and the reason as JSON `{"error": …}`; a failing predict_fn or output_fn with 500.
A model that cannot load ends the program with code 1 and the reason on standard error.
See https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html.
"""

import csv
import importlib
import io
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

CSV = "text/csv"
JSON = "application/json"
TYPES = (CSV, JSON)
REQUIRED = ("model_fn", "input_fn", "predict_fn")
MODEL_DIR = Path(os.environ.get("SM_MODEL_DIR") or Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"), "model"))


class Refusal(Exception):
    """A request that is answered with a 4xx `status` and the reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Model:
    """A loaded model and the functions of its inference script."""

    def __init__(self, folder: Path) -> None:
        program = os.environ.get("SAGEMAKER_PROGRAM") or "inference.py"
        script = folder / "code" / program
        if not script.is_file():
            raise FileNotFoundError(f"{script} is missing; model.tar.gz must hold code/{program}")
        sys.path.insert(0, str(script.parent))
        module = importlib.import_module(script.stem)
        missing = [name for name in REQUIRED if not hasattr(module, name)]
        if missing:
            raise AttributeError(f"{script} does not define {', '.join(missing)}")
        self._input: Callable[[str, str], Any] = module.input_fn
        self._predict: Callable[[Any, Any], Any] = module.predict_fn
        self._output: Callable[[Any, str], str] = getattr(module, "output_fn", encode)
        self._model = module.model_fn(str(folder))

    def invoke(self, body: bytes, content_type: str, accept: str) -> tuple[str, str]:
        """The answer to a request and its content type.

        Raises:
            Refusal: the request cannot be read, or its answer cannot be had in the form asked for.
        """
        form = offered(content_type)
        answer_form = acceptable(accept, form)
        try:
            data = self._input(body.decode(), form)
        except UnicodeDecodeError as error:
            raise Refusal(400, f"the body is not UTF-8: byte {error.start} is {body[error.start]:#x}") from error
        except ValueError as error:
            raise Refusal(400, str(error)) from error
        return self._output(self._predict(data, self._model), answer_form), answer_form


def offered(content_type: str) -> str:
    """The media type of a request's body."""
    form = content_type.partition(";")[0].strip().lower()
    if form not in TYPES:
        raise Refusal(415, f"Content-Type {form or '(none)'} is not supported; send {' or '.join(TYPES)}")
    return form


def acceptable(accept: str, default: str) -> str:
    """The first media type of `accept` that can be answered; `default` where any will do."""
    for part in accept.split(","):
        form = part.partition(";")[0].strip().lower()
        if form in ("", "*/*"):
            return default
        if form in TYPES:
            return form
    raise Refusal(406, f"Accept {accept} cannot be answered; ask for {' or '.join(TYPES)}")


def encode(prediction: Iterable[Any], accept: str) -> str:
    """The default `output_fn`: a line a row as CSV, or `{"predictions": […]}`."""
    rows = prediction.tolist() if hasattr(prediction, "tolist") else list(prediction)
    if accept == JSON:
        return json.dumps({"predictions": rows})
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(row if isinstance(row, list) else [row] for row in rows)
    return text.getvalue()


def application(model: Model) -> FastAPI:
    """The two routes. Inference runs in a thread, so that /ping answers meanwhile."""
    app = FastAPI(openapi_url=None)

    @app.get("/ping")
    async def ping() -> Response:
        return Response(media_type=JSON)

    @app.post("/invocations")
    async def invocations(request: Request) -> Response:
        headers = request.headers
        body = await request.body()
        try:
            answer, form = await run_in_threadpool(
                model.invoke, body, headers.get("content-type", ""), headers.get("accept", "")
            )
        except Refusal as refusal:
            return Response(json.dumps({"error": str(refusal)}), refusal.status, media_type=JSON)
        except Exception as error:
            traceback.print_exc()
            return Response(json.dumps({"error": f"{type(error).__name__}: {error}"}), 500, media_type=JSON)
        return Response(answer, headers={"Content-Type": form})

    return app


def main() -> int:
    """Load the model and serve it until SIGTERM."""
    try:
        model = Model(MODEL_DIR)
    except Exception as error:
        traceback.print_exc()
        print(f"cannot load the model: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    uvicorn.run(
        application(model),
        host=os.environ.get("SAGEMAKER_BIND_TO_HOST", "0.0.0.0"),
        port=int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080")),
        log_level="warning",
    )
    return 0
