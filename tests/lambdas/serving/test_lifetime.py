"""The custom resource: declare, wake, and take everything away, whatever the endpoint is doing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modelyard.lambdas.serving import endpoints, lifetime
from modelyard.lambdas.serving.declaration import DeclarationError
from modelyard.lambdas.serving.steps import Endpoint
from tests.lambdas.serving.hook import MOVING, Project, Stage, wait_until


def parameters(project: Project) -> list[str]:
    path = project.stage.runtime.declarations_path
    pages = project.stage.aws.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True)
    return [parameter["Name"] for page in pages for parameter in page["Parameters"]]


def deletion(project: Project) -> dict[str, Any]:
    """The event of a deletion that has begun, as it is asked with whether it is complete."""
    request = project.request("Delete", PhysicalResourceId=project.name)
    return {**request, **lifetime.begin(request, project.stage.runtime)}


def test_a_declaration_is_written_and_the_endpoint_woken(stage: Stage) -> None:
    project = stage.endpoint("new")
    request = project.request("Create")
    begun = lifetime.begin(request, stage.runtime)
    assert begun["PhysicalResourceId"] == project.name
    assert lifetime.ended({**request, **begun}, stage.runtime)
    assert parameters(project) == [project.parameter_name]
    assert stage.reconcile() == 1


def test_a_declaration_that_cannot_be_used_fails_the_stack_and_writes_nothing(stage: Stage) -> None:
    project = stage.endpoint("bad", instance_count=0)
    with pytest.raises(DeclarationError, match="property Declaration: instance_count is 0; expected at least 1"):
        project.declare()
    assert parameters(project) == []


def test_what_could_not_be_woken_is_not_left_declared(stage: Stage) -> None:
    project = stage.endpoint("unlucky")
    queueless = replace(stage.runtime, queue_url=f"{stage.runtime.queue_url}-none")
    with pytest.raises(Exception, match="NonExistentQueue"):
        lifetime.begin(project.request("Create"), queueless)
    assert parameters(project) == []


def test_what_is_interrupted_is_not_left_declared(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by an alarm of the process, which is no Exception."""

    class Alarm(BaseException):
        pass

    def interrupted(*_: Any) -> None:
        raise Alarm

    project = stage.endpoint("slow")
    monkeypatch.setattr(lifetime, "send", interrupted)
    with pytest.raises(Alarm):
        lifetime.begin(project.request("Create"), stage.runtime)
    assert parameters(project) == []


def test_a_destroyed_endpoint_leaves_nothing_behind(project: Project) -> None:
    for version in (1, 2):
        project.approve(version)
        project.settle()
    project.destroy()
    assert project.status() == "Absent"
    assert project.artifacts() == ([], [])
    assert parameters(project) == []


def test_no_late_event_brings_a_destroyed_endpoint_back(project: Project) -> None:
    project.approve(1)
    project.settle()
    project.approve(2)
    late = project.stage.await_events()
    for event in late:
        project.stage.wake(event)
    project.destroy()
    for event in late:
        project.stage.wake(event)
    assert project.settle() == "Absent"
    assert project.artifacts() == ([], [])


def test_destroying_what_never_was_is_done_at_once(stage: Stage) -> None:
    project = stage.endpoint("never")
    assert lifetime.ended(deletion(project), stage.runtime)


def test_a_declaration_withdrawn_while_the_endpoint_is_being_created_undoes_what_was_made_for_it(
    project: Project,
) -> None:
    withdrawn: list[dict[str, Any]] = []

    def before_call(name: str) -> None:
        if name == "CreateEndpointConfig" and not withdrawn:
            project.stage.before_call = lambda call: None
            withdrawn.append(deletion(project))
            assert lifetime.ended(withdrawn[0], project.stage.runtime)

    project.stage.before_call = before_call
    project.approve(1)
    assert project.settle() == "Absent"
    assert withdrawn and project.artifacts() == ([], [])


def test_an_endpoint_that_is_being_created_is_waited_for_and_then_deleted(project: Project) -> None:
    project.register(LOAD_SECONDS="3")
    project.approve(3)
    wait_until(lambda: project.stage.run() > 0 and project.status() in MOVING)
    request = deletion(project)
    assert not lifetime.ended(request, project.stage.runtime)
    wait_until(lambda: lifetime.ended(request, project.stage.runtime))
    assert project.status() == "Absent"
    assert project.artifacts() == ([], [])


def test_beyond_fifty_minutes_a_deletion_fails_and_names_what_to_await(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = deletion(project)
    request["Data"]["Began"] = "2026-11-22T10:00:00.000Z"
    moving = Endpoint("Updating", "old", "2026-11-22T10:00:00.000Z", pending_config="new")
    monkeypatch.setattr(endpoints, "describe", lambda *_: moving)
    assert not lifetime.ended(request, replace(project.stage.runtime, now=lambda: "2026-11-22T10:49:59.000Z"))
    with pytest.raises(TimeoutError) as raised:
        lifetime.ended(request, replace(project.stage.runtime, now=lambda: "2026-11-22T10:50:00.000Z"))
    assert str(raised.value) == (
        f"endpoint {project.name} is still Updating after 50 minutes: await its rollout to config new "
        f"(aws sagemaker wait endpoint-in-service --endpoint-name {project.name}), then delete the stack again"
    )


def test_only_the_endpoints_own_artifacts_are_deleted(stage: Stage) -> None:
    """Two endpoints whose names share the first 46 characters have artifacts of the same prefix."""
    long = "a" * 46
    mine, other = stage.endpoint(f"{long}-mine"), stage.endpoint(f"{long}-other")
    for project in (mine, other):
        project.declare()
        project.register("Approved")
    assert (mine.settle(), other.settle()) == ("1", "1")
    serving = other.config_name()
    mine.destroy()
    assert (mine.status(), other.served()) == ("Absent", "1")
    remaining = stage.aws.client("sagemaker").list_endpoint_configs(NameContains=serving[:46])["EndpointConfigs"]
    assert [item["EndpointConfigName"] for item in remaining] == [serving]


def test_another_name_is_a_replacement_and_the_old_endpoint_goes(project: Project) -> None:
    project.approve(1)
    project.settle()
    renamed = project.renamed(f"{project.name}-b")
    renamed.declared = {"model_package_group_name": project.name}
    answer = lifetime.begin(renamed.request("Update", PhysicalResourceId=project.name), project.stage.runtime)
    assert answer["PhysicalResourceId"] == renamed.name
    project.stage.heartbeat()
    assert renamed.settle() == "1"
    project.destroy()
    assert (project.status(), renamed.served()) == ("Absent", "1")
    assert parameters(project) == [project.parameter_name]


def test_an_endpoint_declared_again_after_its_destruction_serves_what_was_approved_last(project: Project) -> None:
    project.approve(2)
    project.settle()
    project.approve(1)
    project.settle()
    project.destroy()
    project.declare()
    assert project.settle() == "1"
