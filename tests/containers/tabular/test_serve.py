"""The hosting contract, held by models of a few lines."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers.server import Answer, Server
from tests.tabular import IMAGE

DOUBLER = """
def model_fn(model_dir):
    return 2

def input_fn(body, content_type):
    return [[float(value) for value in line.split(",")] for line in body.splitlines()]

def predict_fn(data, model):
    if data[0][0] == 13:
        raise ArithmeticError("thirteen")
    return [[value * model for value in row] for row in data]
"""

# Waits for a file, so that a test decides when the answer is ready.
WAITER = """
import pathlib, time

def model_fn(model_dir):
    return pathlib.Path(model_dir)

def input_fn(body, content_type):
    return body

def predict_fn(name, folder):
    (folder / "begun").touch()
    while not (folder / name).exists():
        time.sleep(0.02)
    return [1]
"""


def model(folder: Path, script: str, name: str = "inference.py") -> Path:
    """A model folder with an inference script."""
    (folder / "code").mkdir(parents=True)
    (folder / "code" / name).write_text(script)
    return folder


@pytest.fixture(scope="module")
def doubler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with IMAGE.serving(model(tmp_path_factory.mktemp("doubler"), DOUBLER)) as server:
        yield server


@pytest.mark.parametrize(
    ("content_type", "accept", "expected"),
    [
        ("text/csv", None, Answer(200, "text/csv", "2.0,4.0\n6.0,8.0\n")),
        ("text/csv; charset=utf-8", "*/*", Answer(200, "text/csv", "2.0,4.0\n6.0,8.0\n")),
        ("application/json", None, Answer(200, "application/json", '{"predictions": [[2.0, 4.0], [6.0, 8.0]]}')),
        ("text/csv", "application/json", Answer(200, "application/json", '{"predictions": [[2.0, 4.0], [6.0, 8.0]]}')),
        ("TEXT/CSV", "image/png, text/csv;q=0.5", Answer(200, "text/csv", "2.0,4.0\n6.0,8.0\n")),
    ],
)
def test_answers_in_the_form_asked_for(
    doubler: Server, content_type: str, accept: str | None, expected: Answer
) -> None:
    assert doubler.invoke("1,2\n3,4", content_type, accept) == expected


@pytest.mark.parametrize(
    ("body", "content_type", "accept", "status", "reason"),
    [
        (b"1", "image/png", None, 415, "Content-Type image/png is not supported; send text/csv or application/json"),
        (b"1", None, None, 415, "Content-Type (none) is not supported; send text/csv or application/json"),
        (
            b"1",
            "text/csv",
            "image/png",
            406,
            "Accept image/png cannot be answered; ask for text/csv or application/json",
        ),
        (b"1,\xff", "text/csv", None, 400, "the body is not UTF-8: byte 2 is 0xff"),
        (b"one", "text/csv", None, 400, "could not convert string to float: 'one'"),
        (b"13", "text/csv", None, 500, "ArithmeticError: thirteen"),
    ],
)
def test_a_request_it_cannot_serve_is_answered_with_the_reason(
    doubler: Server, body: bytes, content_type: str | None, accept: str | None, status: int, reason: str
) -> None:
    assert doubler.invoke(body, content_type, accept) == Answer(
        status, "application/json", json.dumps({"error": reason})
    )
    assert doubler.invoke("1").status == 200


def test_a_busy_model_still_answers_ping(tmp_path: Path) -> None:
    with IMAGE.serving(model(tmp_path, WAITER)) as server:
        answers: list[Answer] = []
        requests = [threading.Thread(target=lambda: answers.append(server.invoke("ready"))) for _ in range(3)]
        for request in requests:
            request.start()
        try:
            while not (tmp_path / "begun").exists():
                time.sleep(0.02)
            assert server.ping() == 200
            assert answers == []
        finally:
            (tmp_path / "ready").touch()
            for request in requests:
                request.join()
        assert [answer.status for answer in answers] == [200, 200, 200]


def test_another_script_can_be_named(tmp_path: Path) -> None:
    folder = model(tmp_path, DOUBLER, name="double.py")
    with IMAGE.serving(folder, SAGEMAKER_PROGRAM="double.py") as server:
        assert server.invoke("4").body == "8.0\n"


def test_a_models_own_output_fn_decides_the_answer(tmp_path: Path) -> None:
    output = "\ndef output_fn(prediction, accept):\n    return f'{accept}: {prediction}'\n"
    with IMAGE.serving(model(tmp_path, DOUBLER + output)) as server:
        assert server.invoke("4") == Answer(200, "text/csv", "text/csv: [[8.0]]")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (None, "FileNotFoundError: {code}/inference.py is missing; model.tar.gz must hold code/inference.py"),
        ("import nothing_of_that_name", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("def model_fn(d): pass", "AttributeError: {code}/inference.py does not define input_fn, predict_fn"),
        (DOUBLER.replace("return 2", "raise OSError('no weights')"), "OSError: no weights"),
    ],
)
def test_a_model_that_cannot_load_ends_serve_with_the_reason(tmp_path: Path, script: str | None, reason: str) -> None:
    if script:
        model(tmp_path, script)
    done = IMAGE.run(["serve"], SM_MODEL_DIR=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"cannot load the model: {reason.format(code=tmp_path / 'code')}"


def test_a_stopped_serve_ends_cleanly_and_promptly(tmp_path: Path) -> None:
    with IMAGE.serving(model(tmp_path, DOUBLER)) as server:
        assert server.ping() == 200
    assert server.ping() == 0
