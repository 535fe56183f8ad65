"""How large a delivery pipeline may be."""

import json
from typing import Any

import pytest

from modelyard import names
from modelyard.constructs import delivery_definition as definition
from modelyard.constructs.delivery_definition import ActionRoles, Actions, Declaration, DeliveredStack
from modelyard.settings import ConfigurationError

ACTIONS = Actions(ActionRoles("source", "build", "invoke", "approve"), "topic")


def _stack(label: str, **parameters: str) -> DeliveredStack:
    name = f"Modelyard-prod-{label}"
    return DeliveredStack(label, name, f"{name}.template.json", "us-east-1", "deploy", "execution", parameters)


def _stage(name: str, projects: int) -> list[Declaration]:
    blocks: list[definition.Block] = [[[ACTIONS.gate("plan", "link")]]]
    for group in (
        [_stack("Foundation")],
        [_stack("Serving")],
        [_stack(f"Project{index}") for index in range(projects)],
    ):
        blocks += definition.deployment([ACTIONS.deploy(stack) for stack in group])
    return definition.stages_of(name, [*blocks, [[ACTIONS.invoke("SmokeTest", "smoke-test", {})]]])


def _parallel(stage: Declaration) -> int:
    orders = [action["runOrder"] for action in stage["actions"]]
    return max(orders.count(order) for order in orders)


def test_a_hundred_projects_in_three_stages_fit() -> None:
    stages = [part for name in ("dev", "staging", "prod") for part in _stage(name, 100)]
    definition.check(stages, 100)
    assert [stage["name"] for stage in stages[:3]] == ["Deploy-dev", "Deploy-dev-2", "Deploy-dev-3"]
    assert sum(len(stage["actions"]) for stage in stages) == 3 * (2 + 2 * 102)
    assert max(_parallel(stage) for stage in stages) <= definition.MAX_PARALLEL
    assert len(json.dumps(stages)) < 500_000, "a template has a million bytes"


def test_what_runs_after_the_other_does_so_in_stages_that_are_split() -> None:
    order: dict[str, tuple[int, int]] = {}
    for position, stage in enumerate(_stage("dev", 100)):
        order |= {action["name"]: (position, action["runOrder"]) for action in stage["actions"]}
    assert order["Gate"] < order["Foundation.Prepare"] < order["Foundation.Deploy"] < order["Serving.Prepare"]
    for index in range(100):
        assert order["Serving.Deploy"] < order[f"Project{index}.Prepare"] < order[f"Project{index}.Deploy"]
        assert order[f"Project{index}.Deploy"] < order["SmokeTest"]


@pytest.mark.parametrize("projects", [1, 45, 46, 49, 50, 51, 90, 100, 101])
def test_a_change_set_is_executed_in_the_stage_that_it_is_made_in(projects: int) -> None:
    stages = _stage("prod", projects)
    assert all(len(stage["actions"]) <= definition.MAX_ACTIONS_IN_STAGE for stage in stages)
    found = 0
    for stage in stages:
        orders = {action["name"]: action["runOrder"] for action in stage["actions"]}
        made = {name.removesuffix(".Prepare") for name in orders if name.endswith(".Prepare")}
        assert made == {name.removesuffix(".Deploy") for name in orders if name.endswith(".Deploy")}
        assert all(orders[f"{stack}.Prepare"] < orders[f"{stack}.Deploy"] for stack in made)
        found += len(made)
    assert found == projects + 2


def test_few_projects_are_one_stage() -> None:
    (stage,) = _stage("dev", definition.MAX_PARALLEL)
    assert stage["name"] == names.delivery_stage("dev")
    assert [action["runOrder"] for action in stage["actions"]][-1] == 8


def test_no_projects_leave_no_gap_in_the_order() -> None:
    (stage,) = _stage("dev", 0)
    assert [action["runOrder"] for action in stage["actions"]] == [1, 2, 3, 4, 5, 6]


def test_too_many_actions_are_refused() -> None:
    stages = [part for name in ("dev", "staging", "prod") for part in _stage(name, 200)]
    with pytest.raises(ConfigurationError) as caught:
        definition.check(stages, 200)
    assert str(caught.value) == (
        "delivery.stages: the pipeline would have 1218 actions for 200 projects; CodePipeline allows 1000: deliver to "
        "fewer stages"
    )


@pytest.mark.parametrize(
    ("stages", "problem"),
    [
        ([_stage("dev", 1)[0]] * 51, "51 stages for 1 projects; CodePipeline allows 50"),
        (
            [definition.stage_of("Images", [ACTIONS.gate("", "")] * 101)],
            "101 actions in one of its stages for 1 projects; CodePipeline allows 100",
        ),
    ],
)
def test_what_else_is_too_large_is_refused(stages: list[Declaration], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        definition.check(stages, 1)


def _images(count: int) -> dict[str, str]:
    ids = [f"ImageTabular{index:016}" for index in range(count)]
    return {id: f"#{{ImagesUsEast1.{id}}}" for id in ids}


@pytest.mark.parametrize(("count", "fits"), [(4, True), (5, False)])
def test_more_images_than_their_uris_have_room_for_are_refused(count: int, fits: bool) -> None:
    stages: list[Any] = [definition.stage_of("Deploy-prod", ACTIONS.deploy(_stack("Abalone", **_images(count))))]
    if fits:
        definition.check(stages, 1)
        return
    with pytest.raises(ConfigurationError) as caught:
        definition.check(stages, 1)
    assert str(caught.value).startswith("delivery: ParameterOverrides of Abalone.Prepare in Deploy-prod would have ")
    assert str(caught.value).endswith("CodePipeline allows 1000: let the projects run fewer images")
