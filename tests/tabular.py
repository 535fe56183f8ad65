"""The environment of the image `tabular`, made as the local AWS makes it, and programs run in it."""

import functools
import os
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

from modelyard.local.sagemaker.jobs.environments import prepare_environment
from tests.containers import server
from tests.containers.server import Server

IMAGE = Path(__file__).parents[1] / "modelyard" / "containers" / "tabular"
START_SECONDS = 60


@functools.cache
def environment() -> dict[str, str]:
    """The process environment of a container of the image, without the shell's own."""
    bin_folder = prepare_environment(IMAGE, lambda line: None) / "bin"
    path = f"{IMAGE}:{bin_folder}:/usr/bin:/bin"
    return {"PATH": path, "HOME": os.environ["HOME"], "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def run(command: list[str | Path], **variables: str) -> subprocess.CompletedProcess[str]:
    """Run to the end."""
    return subprocess.run(
        command, env={**environment(), **variables}, capture_output=True, text=True, check=False, timeout=120
    )


def serving(model: Path, **variables: str) -> AbstractContextManager[Server]:
    """`serve` with the model folder, until the block ends."""
    return server.serving(environment(), model, start_seconds=START_SECONDS, **variables)
