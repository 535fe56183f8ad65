"""An image's programs, run as its container would; its `serve` is asked over HTTP."""

import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

from modelyard import testing
from modelyard.local.children import set_parent_death_signal


class Image(testing.Image):
    """An image of the library.

    `start_seconds` and `run_seconds` bound how long `serve` may take to answer, and a program to end.
    """

    def __init__(self, name: str, *, start_seconds: float, run_seconds: float) -> None:
        super().__init__(testing.image_folders()[name], run_seconds=run_seconds)
        self._start_seconds = start_seconds

    def serving(self, model: Path, **variables: str) -> "AbstractContextManager[Server]":
        """`serve` with the model folder, until the block ends."""
        return serving(self.variables, model, start_seconds=self._start_seconds, **variables)


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    content_type: str
    body: str


class Server:
    """A running `serve`."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port = port
        self.process = process
        self._url = f"http://127.0.0.1:{port}"

    def ping(self) -> int:
        """The status of GET /ping; 0 where nobody answers."""
        try:
            with urllib.request.urlopen(f"{self._url}/ping", timeout=10) as answer:
                status: int = answer.status
                return status
        except OSError:
            return 0

    def invoke(self, body: bytes | str, content_type: str | None = "text/csv", accept: str | None = None) -> Answer:
        """POST /invocations."""
        headers = {"Content-Type": content_type or "", **({"Accept": accept} if accept else {})}
        data = body.encode() if isinstance(body, str) else body
        request = urllib.request.Request(f"{self._url}/invocations", data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return Answer(answer.status, answer.headers["Content-Type"], answer.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers["Content-Type"], error.read().decode())


@contextmanager
def serving(environment: Mapping[str, str], model: Path, *, start_seconds: float, **variables: str) -> Iterator[Server]:
    """`serve` with the model folder, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    bind = {"SAGEMAKER_BIND_TO_HOST": "127.0.0.1", "SAGEMAKER_BIND_TO_PORT": str(port)}
    process = subprocess.Popen(
        ["serve"],
        env={**environment, **bind, "SM_MODEL_DIR": str(model), **variables},
        preexec_fn=set_parent_death_signal,  # no kill of the tests leaves it behind
    )
    try:
        server = Server(port, process)
        deadline = time.monotonic() + start_seconds
        while server.ping() != 200:
            assert process.poll() is None, f"serve ended with code {process.returncode}"
            assert time.monotonic() < deadline, "serve does not answer"
            time.sleep(0.05)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=20)
