"""For the tests of pipelines: an image's programs, run on this machine as its container would.

    image = Image(image_folders()["tabular"])
    done = image.run(["python3", folder / "preprocess.py", "--input", data, "--output", split])

Needs `modelyard[local]`. The environment is made from the image's `requirements.txt` once, as the local AWS makes it,
and kept under `$XDG_CACHE_HOME/modelyard` (default `~/.cache/…`).
"""

import functools
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from modelyard.image_folders import image_folders
from modelyard.local.sagemaker.jobs.environments import prepare_environment

__all__ = ["Image", "image_folders"]


class Image:
    """An image's folder and its environment.

    Args:
        folder: holds the image's `requirements.txt` and programs.
        run_seconds: how long a program may take before it counts as hung.
    """

    def __init__(self, folder: Path, *, run_seconds: float = 300) -> None:
        self.folder = folder
        self._run_seconds = run_seconds
        self._home = tempfile.TemporaryDirectory(prefix="modelyard-image-")

    @functools.cached_property
    def variables(self) -> dict[str, str]:
        """The variables of a container of the image, without the shell's own.

        Raises:
            InstallError: a requirement cannot be installed; holds the installer's own reason.
        """
        bin_folder = prepare_environment(self.folder, lambda line: None) / "bin"
        path = f"{self.folder}:{bin_folder}:/usr/bin:/bin"
        return {"PATH": path, "HOME": self._home.name, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, command: Sequence[str | Path], **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, with further variables; its home, a temporary folder, is where it runs.

        What it printed is in the result, as is its exit code.
        """
        return subprocess.run(
            command,
            cwd=self._home.name,
            env={**self.variables, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=self._run_seconds,
        )
