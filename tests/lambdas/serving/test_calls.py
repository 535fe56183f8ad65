"""What a change costs in AWS calls, and what is left of old versions."""

from __future__ import annotations

from modelyard.lambdas.serving.collect import KEEP
from tests.lambdas.serving.hook import Project

LIMIT = 15


def calls_until(project: Project, accepted: str) -> list[str]:
    """The hook's calls from the event's arrival to the accepted `accepted`, in order."""
    project.stage.counted()
    for event in project.stage.await_events():
        project.stage.wake(event)
    project.stage.reconcile()
    calls = project.stage.calls
    return calls[: calls.index(accepted) + 1]


def test_from_the_approval_to_the_accepted_create_there_are_at_most_fifteen_calls(project: Project) -> None:
    project.settle()
    project.approve(1)
    calls = calls_until(project, "CreateEndpoint")
    assert calls == [
        "Query",
        "PutItem",
        "SendMessage",
        "GetParameter",
        "DescribeEndpoint",
        "Query",
        "DescribeModelPackage",
        "DescribeModel",
        "CreateModel",
        "DescribeEndpointConfig",
        "CreateEndpointConfig",
        "GetParameter",
        "CreateEndpoint",
    ]
    assert len(calls) <= LIMIT


def test_from_the_approval_to_the_accepted_update_there_are_at_most_fifteen_calls(project: Project) -> None:
    project.approve(1)
    project.settle()
    project.stage.run()
    project.approve(2)
    assert len(calls_until(project, "UpdateEndpoint")) <= LIMIT


def test_old_configs_and_models_are_collected_but_the_last_few_and_what_serves(project: Project) -> None:
    for _ in range(4):
        project.register()
    for version in range(1, 7):
        project.approve(version)
        assert project.settle() == str(version)
    first = project.records().attempts[0]
    project.stage.runtime.ledger.approve(
        project.name, project.records().approvals[0], at=project.stage.runtime.now(), by="me"
    )
    project.stage.wake({"source": "modelyard", "endpoint_name": project.name})
    assert project.settle() == "1"
    project.stage.heartbeat()
    project.settle()
    configs, models = project.artifacts()
    assert sorted(configs) == sorted(models)
    assert first.config_name in configs
    assert len(configs) <= KEEP + 1
