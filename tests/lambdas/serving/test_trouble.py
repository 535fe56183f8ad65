"""Versions that do not come up, endpoints that others touch, and AWS having a bad day."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from modelyard.lambdas.serving import endpoints, reconcile
from modelyard.lambdas.serving.errors import Transient
from modelyard.lambdas.serving.steps import Endpoint
from tests.lambdas.serving.faults import later, refuse
from tests.lambdas.serving.hook import Project, Stage, wait_until

GPU = "ml.g6.48xlarge"  # which no other test asks for


@pytest.fixture
def scarce(stage: Stage) -> Iterator[Callable[[int], None]]:
    """Says how many of the GPU instances there are."""
    file = stage.aws.paths.sagemaker / "capacity.json"

    def there_are(available: int) -> None:
        file.write_text(json.dumps({GPU: {"available": available}}))

    yield there_are
    file.unlink(missing_ok=True)


def test_a_version_that_cannot_load_is_rolled_back_and_not_tried_again(project: Project) -> None:
    project.register(BROKEN="1")
    project.approve(1)
    project.settle()
    project.approve(3)
    assert project.settle() == "1"
    project.stage.heartbeat()
    assert project.settle() == "1"
    assert project.outcomes() == [(1, "succeeded"), (3, "failed")]
    reason = project.records().attempts[-1].reason
    assert reason.startswith(
        "rolled back: The primary container for production variant AllTraffic did not pass the ping"
    )
    assert project.stage.notifications() == ["version 1 deployed", "version 3 rolled back"]


def test_a_failed_version_is_tried_again_when_it_is_approved_anew(project: Project) -> None:
    project.register(BROKEN="1")
    project.approve(1)
    project.approve(3)
    project.settle()
    project.stage.wake({"source": "modelyard", "endpoint_name": project.name})
    project.settle()
    before = project.outcomes()
    approval = project.records().approvals[-1]
    project.stage.runtime.ledger.approve(project.name, approval, at="2027-01-01T00:00:00Z", by="me")
    project.stage.wake({"source": "modelyard", "endpoint_name": project.name})
    assert project.settle() == "1"
    assert project.outcomes() == [*before, (3, "failed")]


def test_a_first_version_that_cannot_load_leaves_no_endpoint(project: Project) -> None:
    project.register(BROKEN="1")
    project.approve(3)
    assert project.settle() == "Absent"
    assert project.outcomes() == [(3, "failed")]
    assert project.stage.notifications() == ["version 3 failed", "nothing eligible"]
    project.approve(1)
    assert project.settle() == "1"


def test_a_first_version_that_cannot_load_gives_way_to_the_one_approved_before(project: Project) -> None:
    project.register(BROKEN="1")
    project.approve(1)
    project.approve(3)
    assert project.settle() == "1"
    assert project.outcomes() == [(3, "failed"), (1, "succeeded")]


def test_an_endpoint_deleted_by_hand_is_created_again_at_the_next_heartbeat(project: Project) -> None:
    project.approve(1)
    project.settle()
    project.sagemaker.delete_endpoint(EndpointName=project.name)
    project.stage.heartbeat()
    assert project.settle() == "1"
    assert project.outcomes() == [(1, "succeeded"), (1, "succeeded")]


def test_an_endpoint_changed_by_hand_is_put_back(project: Project) -> None:
    project.approve(1)
    project.settle()
    first = project.config_name()
    project.approve(2)
    project.settle()
    project.sagemaker.update_endpoint(EndpointName=project.name, EndpointConfigName=first)
    wait_until(lambda: project.status() == "InService" and project.config_name() == first)
    project.stage.heartbeat()
    assert project.settle() == "2"
    assert project.outcomes() == [(1, "succeeded"), (2, "succeeded"), (2, "succeeded")]


def test_a_poisoned_endpoint_is_told_once_and_keeps_no_other_from_serving(stage: Stage) -> None:
    bad, good = stage.endpoint("bad", instance_type="ml.nonsense"), stage.endpoint("good")
    for project in (bad, good):
        project.declare()
        project.register("Approved")
    assert good.settle() == "1"
    assert bad.settle() == "Absent"
    stage.heartbeat()
    bad.settle()
    assert stage.notifications().count("cannot be reconciled") == 1
    assert any("ml.nonsense" in notice.text for notice in bad.records().notices)


def test_a_throttled_call_is_made_again_and_ends_well(project: Project) -> None:
    refuse(project.stage, "CreateEndpoint", "ThrottlingException", "Rate exceeded", times=3)
    project.approve(1)
    assert project.settle() == "1"
    assert project.outcomes() == [(1, "succeeded")]


def test_a_config_that_create_endpoint_does_not_see_yet_is_waited_for(project: Project) -> None:
    refuse(project.stage, "CreateEndpoint", "ValidationException", 'Could not find endpoint configuration "c".')
    project.approve(1)
    assert project.settle() == "1"


def test_a_message_comes_again_later_each_time(project: Project) -> None:
    refuse(project.stage, "DescribeEndpoint", "ThrottlingException", times=99)
    delays: list[int] = []

    class Queue:
        def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: N803
            delays.append(VisibilityTimeout)

    client = project.stage.runtime.client
    runtime = replace(project.stage.runtime, client=lambda name: Queue() if name == "sqs" else client(name))
    body = f'{{"endpoint_name": "{project.name}", "parameter_name": "{project.parameter_name}", "cause": {{}}}}'
    for receives in range(1, 8):
        record = {"body": body, "receiptHandle": "r", "attributes": {"ApproximateReceiveCount": str(receives)}}
        with pytest.raises(Transient):
            reconcile.handle({"Records": [record]}, runtime)
    assert delays == [5, 10, 20, 40, 80, 120, 120]


def test_a_lack_of_capacity_never_fails_a_version_and_is_retried_after_a_while(project: Project) -> None:
    message = "The account-level service limit 'ml.m5.large for endpoint usage' is 0 Instances."
    refuse(project.stage, "CreateEndpoint", "ResourceLimitExceeded", message)
    project.approve(1)
    assert project.settle() == "Absent"
    project.stage.heartbeat()
    assert project.settle() == "Absent"
    assert project.outcomes() == [(1, "capacity")]
    assert project.stage.notifications() == ["version 1 waits for capacity"]
    later(project.stage, 301)
    project.stage.heartbeat()
    assert project.settle() == "1"
    assert project.outcomes() == [(1, "capacity"), (1, "succeeded")]


def test_a_quota_refuses_an_update_and_the_endpoint_serves_on(project: Project) -> None:
    project.approve(1)
    project.settle()
    refuse(project.stage, "UpdateEndpoint", "ResourceLimitExceeded")
    project.approve(2)
    assert project.settle() == "1"
    assert project.outcomes() == [(1, "succeeded"), (2, "capacity")]
    later(project.stage, 301)
    project.stage.heartbeat()
    assert project.settle() == "2"


def test_gpus_that_are_not_to_be_had_are_asked_for_again_ever_later_and_fail_no_version(
    stage: Stage, scarce: Callable[[int], None]
) -> None:
    """SageMaker says so in the FailureReason: of a Failed endpoint at first, then of one that is back where it was."""
    project = stage.endpoint("gpu", instance_type=GPU)
    project.declare()
    project.register()
    project.register()
    scarce(0)
    project.approve(1)
    assert project.settle() == "Absent"
    assert "InsufficientInstanceCapacity" in project.records().attempts[0].reason
    for seconds, attempts in ((0, 1), (301, 2), (301, 2), (300, 3)):  # after 5 minutes, then after 10
        later(stage, seconds)
        stage.heartbeat()
        assert project.settle() == "Absent"
        assert project.outcomes() == [(1, "capacity")] * attempts
    scarce(1)
    later(stage, 1201)
    stage.heartbeat()
    assert project.settle() == "1"
    project.approve(2)  # the new fleet stands beside the old one
    assert project.settle() == "1"
    scarce(2)
    later(stage, 301)
    stage.heartbeat()
    assert project.settle() == "2"
    assert project.outcomes() == [(1, "capacity")] * 3 + [(1, "succeeded"), (2, "capacity"), (2, "succeeded")]
    assert stage.notifications() == [
        "version 1 waits for capacity",
        "version 1 deployed",
        "version 2 waits for capacity",
        "version 2 deployed",
    ]


def test_another_approval_does_not_wait_for_the_capacity_of_the_one_before(project: Project) -> None:
    refuse(project.stage, "CreateEndpoint", "ResourceLimitExceeded")
    project.approve(1)
    project.settle()
    project.approve(2)
    assert project.settle() == "2"


def test_a_failed_roll_back_holds_the_endpoint_and_tells_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.approve(1)
    project.settle()
    project.stage.notifications()
    mixed = Endpoint("UpdateRollbackFailed", "old", "2026-11-22T11:00:00.000Z", failure_reason="both failed")
    monkeypatch.setattr(endpoints, "describe", lambda *_: mixed)
    for _ in range(2):
        project.stage.heartbeat()
        project.stage.run()
    held: Any = project.records().hold
    assert (held.by, held.reason) == ("reconcile", "UpdateRollbackFailed: both failed")
    assert project.stage.notifications() == ["held"]
