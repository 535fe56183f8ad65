"""CPU of synthesising the reference app against an App with one empty stack that imports the same CDK modules.

Definitions cached, environment byte-compiled; once with the CDK's built-in template validation off, once on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.measure import cpu_seconds, in_turn, report

__all__ = ["main"]

ROOT = Path(__file__).resolve().parents[1]
TARGET = 1.5

PROBE = """
import runpy, sys, json
try:
    runpy.run_path("app.py", run_name="__main__")
finally:
    print(json.dumps(sorted(name for name in sys.modules if name.startswith("aws_cdk.") and name.count(".") == 1)))
"""

BASELINE = """
import importlib
from pathlib import Path
from modelyard.cdk_app import create_app
import aws_cdk
for name in {modules!r}:
    importlib.import_module(name)
app = create_app(Path("."), outdir=Path({outdir!r}))
stack = aws_cdk.Stack(app, "Empty")
if {handle}:
    aws_cdk.CfnWaitConditionHandle(stack, "Handle")
app.synth()
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        probe = subprocess.run(
            [sys.executable, "-c", PROBE],
            cwd=ROOT,
            env={**os.environ, "CDK_OUTDIR": f"{folder}/probe"},
            capture_output=True,
            text=True,
            check=True,
        )
        modules = json.loads(probe.stdout.splitlines()[-1])
        print(f"The reference app imports {len(modules)} modules of aws_cdk.")
        baseline = Path(folder, "baseline.py")
        for words, validation in (("validation off", "false"), ("validated", "true")):
            # Validation refuses a template without resources: there the empty stack has one that costs nothing.
            code = BASELINE.format(modules=modules, outdir=f"{folder}/empty", handle=validation == "true")
            baseline.write_text(code)
            env = {"CDK_VALIDATION": validation, "CDK_OUTDIR": f"{folder}/app", "PYTHONPATH": str(ROOT)}
            times = in_turn(
                {
                    "reference app": partial(cpu_seconds, [sys.executable, "app.py"], env, str(ROOT)),
                    "empty stack, same modules": partial(cpu_seconds, [sys.executable, str(baseline)], env, str(ROOT)),
                }
            )
            app, empty = times.values()
            report(f"Synthesis, CPU, {words}", times, app.median / empty.median, "times the empty stack", TARGET)


if __name__ == "__main__":
    main()
