"""The step scripts of the project asr, run as programs, and small corpora for them."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from modelyard import pipeline_defs

FOLDER = Path(pipeline_defs.__path__[0], "asr")


def run(script: str, **arguments: object) -> subprocess.CompletedProcess[str]:
    """Run to the end; `min_duration=1` becomes `--min-duration 1`."""
    words = [word for name, value in arguments.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    return subprocess.run([sys.executable, FOLDER / script, *words], capture_output=True, text=True, check=False)


def tone(path: Path, *, seconds: float = 0.5, rate: int = 16_000, channels: int = 1, hertz: float = 440) -> Path:
    """A recording of a tone at half loudness; the format is that of the name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = 0.5 * np.sin(2 * math.pi * hertz * np.arange(round(seconds * rate)) / rate)
    form = {"format": "NIST"} if path.suffix == ".sph" else {}
    soundfile.write(path, np.repeat(wave[:, None], channels, axis=1), rate, subtype="PCM_16", **form)
    return path


def write(path: Path, *lines: str | dict[str, Any]) -> Path:
    """A text file, or one of JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def read(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]
