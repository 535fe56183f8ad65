"""1,000 approvals over 100 endpoints of a local AWS, each a server process: what does each answer in the end?

The approval hook's functions run in this process on the events that the local AWS sends. ``--endpoints``,
``--approvals`` and ``--seed`` choose another run.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tests.lambdas.serving.expected import Expected
from tests.lambdas.serving.hook import MOVING, Project, Stage
from tests.local_aws import LocalAws

__all__ = ["main", "run"]

T = TypeVar("T")

_VERSIONS = range(1, 6)
_BROKEN = 5  # does not come up
_AT_ONCE = 20  # approvals, at most, between two looks at what they have set off
_PATIENCE = 1800  # seconds until what has not come to rest never will


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoints", type=int, default=100)
    parser.add_argument("--approvals", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        aws = LocalAws(Path(folder)).up()
        try:
            wrongs = run(Stage(aws, "many"), options.endpoints, options.approvals, options.seed)
        finally:
            aws.down()
    for wrong in wrongs:
        print(f"  WRONG: {wrong}")
    print(f"  => {len(wrongs)} endpoints answer with another version; target 0: {'MISSED' if wrongs else 'met'}")
    raise SystemExit(1 if wrongs else 0)


def run(stage: Stage, endpoints: int, approvals: int, seed: int) -> list[str]:
    """Approve so many versions, picked by `seed`, print what that took, and name the endpoints that answer wrongly."""
    chosen = random.Random(seed)
    projects = [_declared(stage, f"project-{number:03d}") for number in range(endpoints)]
    expected = {project.name: Expected(bad={_BROKEN}) for project in projects}
    _rest(stage, projects)
    stage.counted()
    started = time.perf_counter()
    for number in range(approvals):
        project, version = chosen.choice(projects), chosen.choice(_VERSIONS)
        project.approve(version)
        expected[project.name].review(version, approved=True, at=number + 1)
        expected[project.name].tell(version, approved=True, at=number + 1)
        if chosen.randrange(_AT_ONCE) == 0:
            _quietly(stage.run)
    _rest(stage, projects)
    seconds, calls = time.perf_counter() - started, stage.counted()
    deployments = calls["CreateEndpoint"] + calls["UpdateEndpoint"]
    print(
        f"\n{approvals} approvals over {endpoints} endpoints, seed {seed}: {deployments} deployments, "
        f"{calls.total()} AWS calls, {calls.total() / approvals:.1f} a change; {seconds:.0f} s"
    )
    _quietly(stage.heartbeat)
    _rest(stage, projects)
    wanted = {name: str(each.answer or "Absent") for name, each in expected.items()}
    answers = {project.name: project.served() for project in projects}
    return [f"{name}: {answers[name]}, not {wanted[name]}" for name in wanted if answers[name] != wanted[name]]


def _declared(stage: Stage, name: str) -> Project:
    project = stage.endpoint(name)
    project.declare()
    for version in _VERSIONS:
        project.register(**({"BROKEN": "1"} if version == _BROKEN else {}), version=str(version))
    return project


def _quietly(function: Callable[[], T]) -> T:
    # The functions' structured logs would hide the figures.
    with contextlib.redirect_stdout(io.StringIO()):
        return function()


def _rest(stage: Stage, projects: list[Project]) -> None:
    """Let events, messages and deployments go on until nothing moves any more."""
    give_up = time.monotonic() + _PATIENCE
    while _quietly(stage.run) or any(map(_moves, projects)):
        if time.monotonic() > give_up:
            raise SystemExit("the endpoints did not come to rest")


def _moves(project: Project) -> bool:
    return project.status() in MOVING or project.records().open_attempt is not None


if __name__ == "__main__":
    main()
