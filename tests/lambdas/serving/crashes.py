"""Every place where a function's process can die, in every scenario: before and after each AWS call that it makes."""

from __future__ import annotations

import copy
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.lambdas.serving.fake.client import Died
from tests.lambdas.serving.fake.world import NAME, WATCHED, World


@dataclass(frozen=True)
class Scenario:
    """What is done to a stage at rest, and the version that must serve in the end."""

    prepare: Callable[[World], None]
    act: Callable[[World], None]
    expected: int | None


def _served(*versions: int) -> Callable[[World], None]:
    def prepare(world: World) -> None:
        for version in versions:
            world.approve(version)
            world.settle()

    return prepare


def _approve_two(world: World) -> None:
    """The second one cannot load."""
    world.approve(1)
    world.approve(4)


def _change(world: World) -> None:
    world.declare(instance_type="ml.c5.large", scaling={"min": 2, "max": 3, "invocations_per_instance": 50})


def _drop(world: World) -> None:
    world.declare(environment={"COLOUR": "blue"}, scaling=None, alarms=None)


def _destroy(world: World) -> None:
    """With an approval on its way."""
    world.approve(1)
    world.run()
    world.destroy()


SCENARIOS = {
    "first deployment": Scenario(_served(), lambda world: world.approve(1), 1),
    "update": Scenario(_served(1), lambda world: world.approve(2), 2),
    "rejection": Scenario(_served(1, 2), lambda world: world.reject(2), 1),
    "roll back": Scenario(_served(1), lambda world: world.approve(3), 1),
    "first deployment fails": Scenario(_served(), _approve_two, 1),
    "collection": Scenario(_served(1, 2, 5, 6), lambda world: world.approve(7), 7),
    "another instance type": Scenario(_served(1), _change, 1),
    "no scaling any more": Scenario(_served(1), _drop, 1),
    "destruction": Scenario(_served(1, 2), _destroy, None),
}
DECLARATIONS = {"all at once": {}, "watched canary, scaled": WATCHED}
_BEHAVIOURS = ["good", "good", "alarming", "broken", "good", "good", "good"]


def prepared(scenario: str, declaration: str) -> World:
    """A stage at rest, just before the scenario's act."""
    world = World(dict(DECLARATIONS[declaration]))
    world.declare()
    for behaviour in _BEHAVIOURS:
        world.register(behaviour)
    world.settle()
    SCENARIOS[scenario].prepare(world)
    world.settle()
    world.wire.calls.clear()
    return world


def finish(world: World, scenario: str) -> None:
    SCENARIOS[scenario].act(world)
    world.settle()
    world.heartbeat()
    world.settle()


def places(scenario: str, declaration: str) -> Iterator[tuple[int, str]]:
    """Every call that the functions make in a scenario, by its number."""
    world = prepared(scenario, declaration)
    finish(world, scenario)
    yield from enumerate(world.wire.calls)


def wrongs(scenario: str, declaration: str) -> tuple[int, list[str]]:
    """How many deaths there were in one scenario, and what was wrong in the end after which."""
    found, deaths = [], 0
    at_rest = prepared(scenario, declaration)
    known = len(at_rest.records().attempts)
    for (number, call), moment, late in itertools.product(
        places(scenario, declaration), ("before", "after"), (False, True)
    ):
        world = copy.deepcopy(at_rest)
        world.late = late
        _kill(world, number, moment)
        where = f"{scenario}, {declaration}: died {moment} {call} ({number}){', delivered late' if late else ''}"
        try:
            finish(world, scenario)
        except AssertionError as error:
            found.append(f"{where}: {error}")
            continue
        deaths += world.deaths
        found += [f"{where}: {wrong}" for wrong in _wrong(world, scenario, known)]
        found += [f"{where}: {world.deaths} deaths"] if world.deaths != 1 else []
    return deaths, found


def _wrong(world: World, scenario: str, known: int) -> list[str]:
    found = world.problems()
    expected, served = SCENARIOS[scenario].expected, world.served()
    if served != expected:
        found.append(f"version {served} serves, not {expected}")
    made = Counter(
        (attempt.approval, attempt.declaration_id, attempt.config_name) for attempt in world.records().attempts[known:]
    )
    if any(number > 1 for number in made.values()):
        found.append(f"an attempt was recorded more than once: {world.outcomes()}")
    scaled = world.declared.get("scaling")
    count = world.sagemaker.endpoints.get(NAME, {}).get("count", 0)
    if scaled and expected and not scaled["min"] <= count <= scaled["max"]:
        found.append(f"{count} instances")
    return found


def _kill(world: World, number: int, moment: str) -> None:
    """Let the function die around its call of that number, once."""
    calls = [0]

    def before(call: str) -> None:
        calls[0] += 1
        if moment == "before" and calls[0] == number + 1:
            raise Died(call)

    def after(call: str) -> None:
        if moment == "after" and calls[0] == number + 1:
            calls[0] += 1  # never again
            raise Died(call)

    world.wire.before, world.wire.after = before, after
