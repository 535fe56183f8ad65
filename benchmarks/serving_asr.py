"""The speech server under load: throughput, latency, and what the server costs over calling the model in process.

Both sides run in one run, in turn. Then good and bad requests come mixed: every good one must be right, every bad one
refused with a reason, and the server must still be the process that it was.

Without --model it takes a tiny model that was never trained: the server's own costs weigh most with that. --corpus
takes any folder with wav files. --device cpu hides the GPU from both sides; cuda fails where there is none.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import modelyard
from benchmarks.speech_requests import Outcome, Recording, ask, faults, good, mixed
from modelyard.data import make_an4_like
from modelyard.local.sagemaker.jobs.environments import prepare_environment

__all__ = ["IMAGE", "main"]

IMAGE = Path(modelyard.__path__[0], "containers", "asr")
HERE = Path(__file__).parent
AT_ONCE = 16
ROUNDS = 3
START_SECONDS = 300


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="model.nemo")
    parser.add_argument("--corpus", type=Path, help="a folder with wav files, at any depth")
    parser.add_argument("--recordings", type=int, default=128, help="how many of them, at most")
    parser.add_argument("--requests", type=int, default=500, help="of good and bad ones mixed")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="default: the GPU where there is one")
    parser.add_argument("--python", type=Path, help="of an environment with NeMo; default: the image's own")
    arguments = parser.parse_args()
    python = arguments.python or prepare_environment(IMAGE, print) / "bin" / "python"
    environment = {**os.environ, "PATH": f"{IMAGE}:{python.parent}:{os.environ['PATH']}", "PYTHONPATH": str(IMAGE)}
    if arguments.device == "cpu":
        environment["CUDA_VISIBLE_DEVICES"] = ""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = arguments.corpus or make_an4_like(folder / "corpus", utterances=arguments.recordings).folder
        paths = sorted(corpus.rglob("*.wav"))[-arguments.recordings :]
        if not paths:
            raise SystemExit(f"{corpus} has no wav files")
        if arguments.model:
            shutil.copy(arguments.model, folder / "model.nemo")
        else:
            subprocess.run([python, HERE / "speech_model.py", folder], env=environment, check=True)
        measure(python, environment, folder, paths, arguments)


def measure(
    python: Path, environment: dict[str, str], folder: Path, paths: list[Path], arguments: argparse.Namespace
) -> None:
    """Print every figure; SystemExit where an answer was wrong."""
    with in_process(python, environment, folder, paths) as model, serve(environment, folder) as (server, port):
        told = json.loads(ask_line(model))
        if arguments.device == "cuda" and told["device"] != "cuda":
            raise SystemExit(f"asked for cuda, and the model is on {told['device']}")
        recordings = [
            Recording(path.read_bytes(), text, seconds)
            for path, text, seconds in zip(paths, told["texts"], told["seconds"], strict=True)
        ]
        audio = sum(told["seconds"])
        print(f"{len(recordings)} recordings, {audio:.0f} s of speech, on {told['device']}, {AT_ONCE} at a time")
        requests = [good(recording, 0) for recording in recordings]
        ask(port, requests, AT_ONCE)
        direct, served, latencies = [], [], []
        for _ in range(ROUNDS):
            direct.append(float(ask_line(model, "again")))
            begun = time.perf_counter()
            outcomes = ask(port, requests, AT_ONCE)
            served.append(time.perf_counter() - begun)
            check(outcomes)
            latencies += [outcome.seconds for outcome in outcomes]
        for side, seconds in (("in process", statistics.median(direct)), ("served", statistics.median(served))):
            print(
                f"  {side:<10} {len(recordings) / seconds:8.1f} recordings/s   real-time factor {seconds / audio:.5f} "
                f"({audio / seconds:.0f} s of speech a second)"
            )
        print(f"  => {statistics.median(served) / statistics.median(direct):.2f} times the model in process")
        print(f"  {AT_ONCE} at a time: {percentiles(latencies)}")
        print(f"  one at a time: {percentiles([each.seconds for each in ask(port, requests, 1)])}")
        outcomes = ask(port, mixed(recordings, arguments.requests, told["max_seconds"]), AT_ONCE)
        check(outcomes)
        refused = sum(outcome.request.text is None for outcome in outcomes)
        if server.poll() is not None:
            raise SystemExit(f"the server ended with code {server.returncode}")
        print(f"  {len(outcomes) - refused} good requests right, {refused} bad ones refused with a reason, no restart")


def check(outcomes: list[Outcome]) -> None:
    """SystemExit with what is wrong."""
    wrong = faults(outcomes)
    if wrong:
        raise SystemExit(f"{len(wrong)} of {len(outcomes)} answers are wrong:\n" + "\n".join(wrong[:20]))


def percentiles(seconds: list[float]) -> str:
    """In milliseconds."""
    cuts = statistics.quantiles(seconds, n=100)
    return f"p50 {1000 * cuts[49]:.1f} ms, p99 {1000 * cuts[98]:.1f} ms"


@contextmanager
def in_process(
    python: Path, environment: dict[str, str], folder: Path, paths: list[Path]
) -> Iterator[subprocess.Popen[str]]:
    """The model without a server."""
    command = [python, HERE / "speech_in_process.py", folder, *paths]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.communicate()


def ask_line(process: subprocess.Popen[str], line: str | None = None) -> str:
    """Its next line, after `line` was said to it."""
    assert process.stdin is not None and process.stdout is not None
    if line:
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        raise SystemExit(f"the model in process ended with code {process.wait()}")
    return answer


@contextmanager
def serve(environment: dict[str, str], folder: Path) -> Iterator[tuple[subprocess.Popen[Any], int]]:
    """The image's `serve`, when it answers, and its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    bind = {"SAGEMAKER_BIND_TO_HOST": "127.0.0.1", "SAGEMAKER_BIND_TO_PORT": str(port), "SM_MODEL_DIR": str(folder)}
    process = subprocess.Popen(["serve"], env={**environment, **bind})
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the server does not answer (code {process.poll()})")
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=10).close()
                break
            except OSError:
                time.sleep(0.2)
        yield process, port
    finally:
        process.terminate()
        process.wait(timeout=30)


if __name__ == "__main__":
    main()
