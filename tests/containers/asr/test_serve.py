"""The hosting contract over a real model of NeMo: texts as NeMo itself has them, and a process that lives on."""

import io
import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks import speech_requests
from benchmarks.speech_requests import Recording
from tests.containers.asr.conftest import ARN
from tests.containers.asr.image import IMAGE
from tests.containers.server import Answer, Server


@pytest.mark.parametrize("number", range(3))
def test_a_recording_has_the_text_that_nemo_itself_gives(
    server: Server, recordings: list[Recording], number: int
) -> None:
    assert len({recording.text for recording in recordings}) == len(recordings)
    recording = recordings[number]
    request = speech_requests.good(recording, number + 1)
    answer = server.invoke(request.body, request.content_type)
    assert (answer.status, answer.content_type) == (200, "application/json")
    told = json.loads(answer.body)
    assert told.pop("seconds") == pytest.approx(recording.seconds, abs=0.001)
    assert told == {"text": recording.text, "model_version": "12", "model_package_arn": ARN}


def test_stereo_of_another_format_has_the_same_text(server: Server, recordings: list[Recording]) -> None:
    samples, rate = soundfile.read(io.BytesIO(recordings[0].body), dtype="int16")
    file = io.BytesIO()
    soundfile.write(file, np.stack([samples, samples], axis=1), rate, format="FLAC")
    answer = server.invoke(file.getvalue(), "application/octet-stream")
    assert json.loads(answer.body)["text"] == recordings[0].text


def test_the_text_alone_can_be_asked_for(server: Server, recordings: list[Recording]) -> None:
    answer = server.invoke(recordings[1].body, "audio/wav", "image/png, text/plain;q=0.5")
    assert answer == Answer(200, "text/plain", recordings[1].text)


def test_good_and_bad_requests_at_once_are_each_answered_as_they_should(
    server: Server, recordings: list[Recording]
) -> None:
    pings: list[tuple[int, float]] = []
    ended = threading.Event()

    def ping() -> None:
        while not ended.is_set():
            begun = time.monotonic()
            pings.append((server.ping(), time.monotonic() - begun))

    pinging = threading.Thread(target=ping)
    pinging.start()
    outcomes = speech_requests.ask(server.port, speech_requests.mixed(recordings, 64, 16.7))
    ended.set()
    pinging.join()
    assert speech_requests.faults(outcomes) == []
    assert {outcome.status for outcome in outcomes} == {200, 400, 406, 413, 415}
    assert {status for status, _ in pings} == {200}
    # SageMaker gives a ping two seconds.
    assert max(seconds for _, seconds in pings) < 2
    assert server.process.poll() is None


@pytest.mark.parametrize(
    ("content_type", "accept", "status", "reason"),
    [
        ("audio/wav", "image/png", 406, "Accept image/png cannot be answered; ask for application/json or text/plain"),
        ("audio/wav", None, 400, "the body is empty; send a recording"),
    ],
)
def test_a_request_it_cannot_serve_is_answered_with_the_reason(
    server: Server, content_type: str, accept: str | None, status: int, reason: str
) -> None:
    answer = server.invoke(b"", content_type, accept)
    assert answer == Answer(status, "application/json", json.dumps({"error": reason}))


def test_a_body_too_large_for_any_recording_is_refused(server: Server) -> None:
    answer = server.invoke(bytes(64 * 2**20 + 1), "audio/wav")
    assert (answer.status, json.loads(answer.body)) == (413, {"error": "the body is larger than 67108864 bytes"})


# All in one process, since an import of NeMo takes ten seconds.
FAILURES = """
import pathlib, sys
import serving
for folder in sys.argv[1:]:
    serving.MODEL_DIR = pathlib.Path(folder)
    print(serving.main())

import limits, recognition, torch

def unloaded(error):
    result = recognition.Recogniser.__new__(recognition.Recogniser)
    result.broken, result.limits, result.sample_rate = None, limits.Limits(), 16_000
    result.device = torch.device("cuda")
    def fail(recordings):
        raise error
    result._run = fail
    return result

lost = unloaded(torch.AcceleratorError("CUDA error: unspecified launch failure"))
try:
    lost.transcribe([torch.zeros(1600).numpy()])
except torch.AcceleratorError:
    print(lost.broken)
try:
    unloaded(torch.OutOfMemoryError("tried to allocate 2 GiB"))._warm_up()
except MemoryError as error:
    print(error)
"""


def test_a_model_that_cannot_load_a_gpu_that_is_lost_and_one_too_small_are_told(tmp_path: Path) -> None:
    missing, broken = tmp_path / "missing", tmp_path / "broken"
    broken.mkdir()
    (broken / "model.nemo").write_text("no archive")
    done = IMAGE.run(["python", "-c", FAILURES, missing, broken], PYTHONPATH=str(IMAGE.folder))
    assert done.stdout.splitlines() == [
        "1",
        "1",
        "CUDA error: unspecified launch failure",
        "16 recordings of 16.7 s do not fit into the GPU's memory; lower ASR_MAX_BATCH or ASR_MAX_SECONDS, or take a "
        "larger instance (tried to allocate 2 GiB)",
    ], done.stderr
    reasons = [line for line in done.stderr.splitlines() if line.startswith("cannot load the model: ")]
    assert reasons == [
        f"cannot load the model: FileNotFoundError: {missing}/model.nemo is missing; model.tar.gz must hold model.nemo",
        "cannot load the model: ReadError: not a gzip file",
    ]


def test_wrong_limits_end_serve_with_the_reason_at_once(tmp_path: Path) -> None:
    done = IMAGE.run(["serve"], SM_MODEL_DIR=str(tmp_path), ASR_MAX_BATCH="many")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "cannot load the model: ValueError: ASR_MAX_BATCH is 'many'; give a positive whole number"
    )
