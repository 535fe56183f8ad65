"""Taking a version back by hand, holding an endpoint, and finding one that is already there."""

from __future__ import annotations

import pytest

from modelyard.lambdas.serving.ledger import LedgerError
from tests.lambdas.serving.faults import refuse
from tests.lambdas.serving.hook import IMAGE, ROLE, Project, Stage


def hold(project: Project, version: int | None = None) -> None:
    approvals = project.records().approvals
    pinned = next(item for item in approvals if item.version == version) if version else None
    now = project.stage.runtime.now()
    project.stage.runtime.ledger.hold(project.name, at=now, by="me", reason="a look first", version=pinned)


def release(project: Project) -> None:
    project.stage.runtime.ledger.release(project.name, at=project.stage.runtime.now(), by="me")
    wake(project)


def wake(project: Project) -> None:
    assert project.stage.wake({"source": "modelyard", "endpoint_name": project.name}) == [project.name]


def test_a_paused_endpoint_stays_as_it_is_until_it_is_released(project: Project) -> None:
    project.approve(1)
    project.settle()
    hold(project)
    project.approve(2)
    assert project.settle() == "1"
    project.declare("Update", environment={"COLOUR": "blue"})
    assert project.settle() == "1"
    release(project)
    assert project.settle() == "2"


def test_a_paused_endpoint_is_not_created(project: Project) -> None:
    hold(project)
    project.approve(1)
    assert project.settle() == "Absent"
    release(project)
    assert project.settle() == "1"


def test_a_pinned_version_serves_until_it_is_released(project: Project) -> None:
    for version in (1, 2):
        project.approve(version)
        project.settle()
    hold(project, version=1)
    wake(project)
    assert project.settle() == "1"
    project.approve(2)
    assert project.settle() == "1"
    release(project)
    assert project.settle() == "2"


def test_a_hold_is_told_once_with_its_reason(project: Project) -> None:
    project.approve(1)
    project.settle()
    project.stage.notifications()
    for version, words in ((None, "It stays as it is"), (1, "It stays on version 1")):
        hold(project, version)
        for _ in range(2):
            wake(project)
            project.settle()
        assert project.stage.notifications() == ["held"]
        assert project.records().notices[-1].text == f"held: By me: a look first. {words} until it is released."
        release(project)


def test_a_roll_back_is_an_approval_in_the_ledger_alone(project: Project) -> None:
    for version in (1, 2):
        project.approve(version)
        project.settle()
    first = project.records().approvals[0]
    project.stage.runtime.ledger.approve(project.name, first, at=project.stage.runtime.now(), by="me")
    wake(project)
    assert project.settle() == "1"
    assert project.records().approvals[-1].by == "me"


def test_a_second_hold_and_a_release_of_nothing_are_refused(project: Project) -> None:
    with pytest.raises(LedgerError, match=f"endpoint {project.name} is not held: there is nothing to release"):
        release(project)
    hold(project)
    with pytest.raises(LedgerError, match=r"is already held since .* \(a look first\): release it first"):
        hold(project)


def by_hand(project: Project, name: str, container: dict[str, object]) -> None:
    """An endpoint under the declared name that the hook has not made."""
    client = project.sagemaker
    client.create_model(ModelName=name, ExecutionRoleArn=ROLE, Containers=[container])
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.m5.large"}
    client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[{**variant, "InitialInstanceCount": 1}])
    client.create_endpoint(EndpointName=project.name, EndpointConfigName=name)


def lose_reviews(stage: Stage, project: Project, *versions: int) -> None:
    for version in versions:
        project.approve(version)
    stage.await_events()


def test_an_empty_ledger_adopts_the_version_that_serves_and_does_not_move_it(stage: Stage) -> None:
    project = stage.endpoint("found")
    arns = [project.register() for _ in range(3)]
    lose_reviews(stage, project, 2, 3, 1)
    by_hand(project, f"{project.name}-by-hand", {"ModelPackageName": arns[1]})
    project.declare()
    assert project.settle() == "2"
    stage.heartbeat()
    assert project.settle() == "2"
    assert project.config_name() == f"{project.name}-by-hand"
    project.approve(3)
    assert project.settle() == "3"


def test_an_adopted_version_gives_way_when_it_is_rejected(stage: Stage) -> None:
    project = stage.endpoint("found")
    arns = [project.register() for _ in range(2)]
    lose_reviews(stage, project, 1, 2)
    by_hand(project, f"{project.name}-by-hand", {"ModelPackageName": arns[0]})
    project.declare()
    assert project.settle() == "1"
    project.reject(1)
    assert project.settle() == "2"


def test_an_empty_ledger_adopts_an_endpoint_of_unknown_origin_until_something_is_approved(stage: Stage) -> None:
    project = stage.endpoint("found")
    project.register()
    lose_reviews(stage, project, 1)
    by_hand(project, f"{project.name}-by-hand", {"Image": IMAGE, "Environment": {"VERSION": "foreign"}})
    project.declare()
    stage.heartbeat()
    assert project.settle() == "foreign"
    project.approve(1)
    assert project.settle() == "1"


def test_an_endpoint_that_the_hook_may_not_look_into_is_adopted_as_one_of_unknown_origin(stage: Stage) -> None:
    project = stage.endpoint("found")
    project.register()
    by_hand(project, f"{project.name}-by-hand", {"Image": IMAGE, "Environment": {"VERSION": "foreign"}})
    refuse(stage, "DescribeEndpointConfig", "AccessDeniedException")
    project.declare()
    assert project.settle() == "foreign"
    assert [(item.source, item.package_arn) for item in project.records().approvals] == [("adopted", "")]
