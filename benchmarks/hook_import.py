"""CPU of the hook's cold import in a fresh interpreter, against an interpreter that imports nothing."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.measure import cpu_seconds, in_turn, report

__all__ = ["main"]

LAMBDAS = Path(__file__).resolve().parents[1] / "modelyard" / "lambdas"
TARGET = 0.3


def main() -> None:
    env = {"PYTHONDONTWRITEBYTECODE": ""}

    def start(code: str) -> float:
        return cpu_seconds([sys.executable, "-c", code], env, str(LAMBDAS))

    times = in_turn(
        {
            "serving.wake": lambda: start("import serving.wake"),
            "serving.reconcile": lambda: start("import serving.reconcile"),
            "serving.lifetime": lambda: start("import serving.lifetime"),
            "an interpreter alone": lambda: start("pass"),
        }
    )
    slowest = max(side.median for name, side in times.items() if name.startswith("serving."))
    report("Cold import of the approval hook, CPU", times, slowest - times["an interpreter alone"].median, "s", TARGET)


if __name__ == "__main__":
    main()
