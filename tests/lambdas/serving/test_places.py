"""Where declarations stand is known by endpoint and by group, and follows what is declared."""

from __future__ import annotations

from modelyard.lambdas.serving.places import Place, Places
from tests.lambdas.serving.fake.world import NAME, World
from tests.lambdas.serving.hook import Project, Stage


def _places(stage: Stage) -> Places:
    """Read without the functions' clients, so that nothing is counted."""
    return Places(stage.aws.client("dynamodb"), stage.runtime.ledger_table)


def test_a_group_has_the_places_of_all_its_endpoints(stage: Stage) -> None:
    first, second = stage.endpoint("first"), stage.endpoint("second")
    second.declared = {"model_package_group_name": first.name}
    for project in (first, second):
        project.declare()
    both = [Place(project.name, first.name, project.parameter_name) for project in (first, second)]
    assert _places(stage).of_group(first.name) == both
    assert _places(stage).of_endpoint(second.name) == both[1:]
    assert _places(stage).of_group(second.name) == []


def test_an_endpoint_that_is_declared_for_another_group_is_found_there_alone(project: Project) -> None:
    project.declare("Update", model_package_group_name="another")
    places = _places(project.stage)
    assert places.of_group(project.name) == []
    assert places.of_group("another") == places.of_endpoint(project.name)
    assert [place.group for place in places.of_endpoint(project.name)] == ["another"]


def test_places_go_with_the_declaration_and_may_be_gone_before(project: Project) -> None:
    places = _places(project.stage)
    places.remove(project.name)
    project.destroy()
    assert places.of_endpoint(project.name) == places.of_group(project.name) == []


def test_an_endpoint_that_replaces_another_keeps_its_own_place(project: Project) -> None:
    replacement = project.renamed(f"{project.name}-new")
    replacement.declare("Update", model_package_group_name=project.name)
    project.destroy()
    places = _places(project.stage)
    assert [place.endpoint_name for place in places.of_group(project.name)] == [replacement.name]
    assert replacement.parameter_name == places.of_endpoint(replacement.name)[0].parameter_name


def test_a_heartbeat_makes_good_places_that_are_missing(project: Project) -> None:
    places = _places(project.stage)
    known = places.of_group(project.name)

    places.remove(project.name)
    assert project.stage.heartbeat() == [project.name]
    assert places.of_group(project.name) == places.of_endpoint(project.name) == known

    of_the_group = {"pk": {"S": f"place#group#{project.name}"}, "sk": {"S": project.name}}
    project.stage.aws.client("dynamodb").delete_item(TableName=project.stage.runtime.ledger_table, Key=of_the_group)
    project.stage.heartbeat()
    assert places.of_group(project.name) == known


def test_a_place_without_a_declaration_does_no_harm() -> None:
    world = World()
    world.declare()
    world.register()
    world.destroy()
    world.runtime.places.put(Place(NAME, NAME, "/modelyard/dev/abalone/endpoint"))
    world.approve(1)
    assert world.settle() is None
    assert not world.sagemaker.endpoints
