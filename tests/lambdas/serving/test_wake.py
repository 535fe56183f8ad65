"""Which endpoints an event wakes, and what it says of an approval."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelyard.lambdas.serving.ledger import Approval
from modelyard.lambdas.serving.wake import approval_in, send
from tests.lambdas.serving.hook import Stage
from tests.lambdas.serving.samples import GROUP, arn

# The documented example, cut to what matters here:
# https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
DETAIL = {
    "ModelPackageGroupName": GROUP,
    "ModelPackageVersion": 2,
    "ModelPackageArn": arn(2),
    "CreationTime": "2021-02-24T17:00:14Z",
    "ModelPackageStatus": "Completed",
    "ModelApprovalStatus": "Approved",
    "UpdatedModelPackageFields": ["ModelApprovalStatus"],
    "LastModifiedTime": "2021-02-24T18:00:14Z",
}
EVENT = {
    "id": "844e2571-85d4-695f-b930-0153b71dcb42",
    "detail-type": "SageMaker Model Package State Change",
    "source": "aws.sagemaker",
    "time": "2021-02-24T18:00:14Z",
    "detail": DETAIL,
}


def package_event(updated: list[str] | None, status: str = "Approved") -> dict[str, Any]:
    detail = {**DETAIL, "ModelApprovalStatus": status, "UpdatedModelPackageFields": updated}
    return {**EVENT, "detail": {name: value for name, value in detail.items() if value is not None}}


def test_an_approval_event_tells_version_status_and_time() -> None:
    assert approval_in(EVENT) == Approval(
        package_arn=arn(2),
        created="2021-02-24T17:00:14Z",
        version=2,
        status="Approved",
        at="2021-02-24T18:00:14.000Z",
        source="event",
        event_id="844e2571-85d4-695f-b930-0153b71dcb42",
    )


@pytest.mark.parametrize(
    ("updated", "status", "expected"),
    [
        (["ModelApprovalStatus"], "Approved", "18:00:14"),
        (["ModelApprovalStatus", "ApprovalDescription"], "Rejected", "18:00:14"),
        (["ModelApprovalStatus"], "PendingManualApproval", "18:00:14"),
        (["ModelLifeCycle"], "Approved", None),
        (["CustomerMetadataProperties"], "Approved", None),
        (None, "Approved", "17:00:14"),
        ([], "Approved", "17:00:14"),
        (None, "PendingManualApproval", None),
    ],
)
def test_only_a_changed_approval_status_or_a_new_package_tells_one(
    updated: list[str] | None, status: str, expected: str | None
) -> None:
    told = approval_in(package_event(updated, status))
    assert (told and (told.status, told.at)) == (expected and (status, f"2021-02-24T{expected}.000Z"))


def test_an_event_of_an_endpoint_tells_no_approval() -> None:
    assert approval_in({**EVENT, "detail-type": "SageMaker Endpoint State Change"}) is None


def test_each_kind_of_event_wakes_the_endpoints_that_it_concerns(stage: Stage) -> None:
    projects = [stage.endpoint(name) for name in ("a", "b", "c")]
    projects[2].declared = {"model_package_group_name": projects[1].name}
    for project in projects:
        project.declare()
    a, b, c = (project.name for project in projects)

    def woken(detail_type: str, **detail: Any) -> list[str]:
        return stage.wake({**EVENT, "detail-type": detail_type, "detail": detail})

    kind = {"ModelApprovalStatus": "PendingManualApproval"}
    assert woken("SageMaker Model Package State Change", ModelPackageGroupName=a, **kind) == [a]
    assert woken("SageMaker Model Package State Change", ModelPackageGroupName=b, **kind) == [b, c]
    assert woken("SageMaker Model Package State Change", ModelPackageGroupName="other", **kind) == []
    assert woken("SageMaker Endpoint State Change", EndpointName=b) == [b]
    assert woken("SageMaker Endpoint Deployment State Change", EndpointName=c) == [c]
    assert woken("SageMaker Training Job State Change", TrainingJobName=a) == []
    assert stage.wake({"source": "modelyard", "endpoint_name": a}) == [a]
    assert stage.heartbeat() == [a, b, c]


def test_declarations_on_many_pages_are_all_found_and_a_broken_one_is_passed_over(stage: Stage) -> None:
    """SSM gives at most ten parameters a page."""
    ssm = stage.aws.client("ssm")
    path = stage.runtime.declarations_path
    for number in range(12):
        ssm.put_parameter(Name=f"{path}other/key-{number}", Value="not a declaration", Type="String")
    ssm.put_parameter(Name=f"{path}broken/endpoint", Value="{}", Type="String")
    names = []
    for number in range(11):
        project = stage.endpoint(f"p{number:02d}")
        project.declare()
        names.append(project.name)
    assert sorted(stage.heartbeat()) == names


def test_one_endpoint_that_cannot_be_woken_keeps_no_other_from_it(stage: Stage) -> None:
    for name in ("a", "b"):
        stage.endpoint(name).declare()
    stage.reconcile()
    failed: list[str] = []

    def before_call(name: str) -> None:
        if name == "SendMessage" and not failed:
            failed.append(name)
            raise ConnectionError("no queue")

    stage.before_call = before_call
    with pytest.raises(ConnectionError, match="no queue"):
        stage.heartbeat()
    assert stage.reconcile() == 1


def test_a_message_names_the_endpoint_its_parameter_and_the_cause(stage: Stage) -> None:
    why = {"event_id": "e", "detail_type": "d", "time": "t", "source": "s"}
    send(stage.runtime, "endpoint", "/p/endpoint", why)
    (message,) = stage.aws.client("sqs").receive_message(QueueUrl=stage.runtime.queue_url, AttributeNames=["All"])[
        "Messages"
    ]
    assert json.loads(message["Body"]) == {"endpoint_name": "endpoint", "parameter_name": "/p/endpoint", "cause": why}
    assert message["Attributes"]["MessageGroupId"] == "endpoint"
    assert message["Attributes"]["MessageDeduplicationId"] == "e-endpoint"


def test_an_event_id_that_sqs_would_refuse_is_hashed(stage: Stage) -> None:
    for event_id in ("x" * 200, "with space"):
        send(stage.runtime, "endpoint", "/p/endpoint", {"event_id": event_id})
    answer = stage.aws.client("sqs").receive_message(
        QueueUrl=stage.runtime.queue_url, AttributeNames=["All"], MaxNumberOfMessages=10
    )
    ids = [message["Attributes"]["MessageDeduplicationId"] for message in answer["Messages"]]
    assert [len(each) for each in ids] == [64, 64]
