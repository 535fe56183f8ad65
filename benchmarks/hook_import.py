"""Cold import of the approval hook's functions in a fresh interpreter, against an interpreter that imports nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.measure import in_turn, report, wall

__all__ = ["main"]

LAMBDAS = Path(__file__).resolve().parents[1] / "modelyard" / "lambdas"
TARGET = 0.3


def main() -> None:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def start(code: str) -> float:
        return wall(lambda: subprocess.run([sys.executable, "-c", code], cwd=LAMBDAS, env=env, check=True))

    times = in_turn(
        {
            "serving.wake": lambda: start("import serving.wake"),
            "serving.reconcile": lambda: start("import serving.reconcile"),
            "serving.lifetime": lambda: start("import serving.lifetime"),
            "an interpreter alone": lambda: start("pass"),
        }
    )
    slowest = max(side.median for name, side in times.items() if name.startswith("serving."))
    report("Cold import of the approval hook, wall", times, slowest - times["an interpreter alone"].median, "s", TARGET)


if __name__ == "__main__":
    main()
