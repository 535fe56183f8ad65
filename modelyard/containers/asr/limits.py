"""How much is transcribed at once, and how much may wait: what bounds a server's memory."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

DESCRIPTION = "serving.json"


@dataclass(frozen=True)
class Limits:
    """No batch goes beyond them, and no more requests are taken in.

    Attributes:
        max_seconds: of a recording. ASR_MAX_SECONDS, else `max_duration` of the model's serving.json, else 16.7.
        max_batch: recordings of a batch. ASR_MAX_BATCH, else 16.
        wait_ms: how long the first of a batch waits for others. ASR_BATCH_WAIT_MS, else 10.
        max_waiting: requests that are not answered yet. ASR_MAX_WAITING, else 32 batches of them.
    """

    max_seconds: float = 16.7
    max_batch: int = 16
    wait_ms: float = 10
    max_waiting: int = 512

    @classmethod
    def of(cls, folder: Path, environment: Mapping[str, str] = os.environ) -> Self:
        """Those that the environment and the model's folder say.

        Raises:
            ValueError: one is no positive number, or serving.json is no JSON object.
        """
        told = _described(folder / DESCRIPTION)
        max_batch = int(_positive("ASR_MAX_BATCH", environment.get("ASR_MAX_BATCH", cls.max_batch), whole=True))
        return cls(
            _positive("ASR_MAX_SECONDS", environment.get("ASR_MAX_SECONDS", told.get("max_duration", cls.max_seconds))),
            max_batch,
            _positive("ASR_BATCH_WAIT_MS", environment.get("ASR_BATCH_WAIT_MS", cls.wait_ms)),
            int(_positive("ASR_MAX_WAITING", environment.get("ASR_MAX_WAITING", 32 * max_batch), whole=True)),
        )


def _described(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        told: Any = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(told, dict):
        raise ValueError(f"{path} must hold a JSON object, and holds {path.read_text()[:40]}")
    return told


def _positive(name: str, value: Any, *, whole: bool = False) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.0
    if not 0 < number < 1e6 or (whole and number != int(number)):
        raise ValueError(f"{name} is {value!r}; give a positive {'whole number' if whole else 'number'}")
    return number
