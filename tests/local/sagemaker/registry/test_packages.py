"""Model packages: versions, approval, listing, and the events of each change."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelyard.local.sagemaker.errors import ValidationException
from tests.local.sagemaker.in_process import LocalSageMaker

GROUP_ARN = "arn:aws:sagemaker:eu-west-1:111122223333:model-package-group/abalone"
ARN = "arn:aws:sagemaker:eu-west-1:111122223333:model-package/abalone"
SPECIFICATION: dict[str, Any] = {
    "Containers": [{"Image": "image:1", "ModelDataUrl": "s3://bucket/model.tar.gz"}],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}


@pytest.fixture
def group(sagemaker: LocalSageMaker) -> LocalSageMaker:
    sagemaker.call("CreateModelPackageGroup", ModelPackageGroupName="abalone")
    return sagemaker


def register(sagemaker: LocalSageMaker, **more: Any) -> str:
    request = {"ModelPackageGroupName": "abalone", "InferenceSpecification": SPECIFICATION, **more}
    arn: str = sagemaker.call("CreateModelPackage", **request)["ModelPackageArn"]
    return arn


def details(sagemaker: LocalSageMaker, count: int) -> list[dict[str, Any]]:
    return [json.loads(event["Detail"]) for event in sagemaker.emulator.wait_for_events(count)]


def test_a_version_awaits_approval_and_keeps_what_was_registered(group: LocalSageMaker) -> None:
    metrics = {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://b/evaluation.json"}}}
    arn = register(group, ModelMetrics=metrics, CustomerMetadataProperties={"run": "7"}, ModelPackageDescription="d")
    assert arn == f"{ARN}/1"
    described = group.call("DescribeModelPackage", ModelPackageName=arn)
    assert described["ModelApprovalStatus"] == "PendingManualApproval"
    assert described["ModelPackageStatus"] == "Completed"
    assert described["ModelPackageGroupName"] == "abalone"
    assert described["ModelPackageVersion"] == 1
    assert described["InferenceSpecification"] == SPECIFICATION
    assert described["ModelMetrics"] == metrics
    assert described["CustomerMetadataProperties"] == {"run": "7"}
    assert described["ModelPackageName"] == "abalone"


def test_version_numbers_go_on_after_a_delete_and_begin_again_in_a_new_group(group: LocalSageMaker) -> None:
    assert [register(group), register(group)] == [f"{ARN}/1", f"{ARN}/2"]
    group.call("DeleteModelPackage", ModelPackageName=f"{ARN}/2")
    assert register(group, ModelPackageGroupName=GROUP_ARN) == f"{ARN}/3"
    for version in (1, 3):
        group.call("DeleteModelPackage", ModelPackageName=f"{ARN}/{version}")
    group.call("DeleteModelPackageGroup", ModelPackageGroupName="abalone")
    group.call("CreateModelPackageGroup", ModelPackageGroupName="abalone")
    assert register(group) == f"{ARN}/1"


def test_the_same_client_token_registers_once(group: LocalSageMaker) -> None:
    token = "0123456789abcdef0123456789abcdef0123"
    assert register(group, ClientToken=token) == register(group, ClientToken=token) == f"{ARN}/1"


def test_a_source_and_a_specification_are_not_taken_together(group: LocalSageMaker) -> None:
    with pytest.raises(ValidationException, match="SourceUri and InferenceSpecification cannot be specified together"):
        register(group, SourceUri="arn:aws:sagemaker:eu-west-1:111122223333:model-package/other/1")
    assert group.call("ListModelPackages", ModelPackageGroupName="abalone") == {"ModelPackageSummaryList": []}


def test_a_package_without_a_group_has_a_name_tags_and_no_approval(sagemaker: LocalSageMaker) -> None:
    arn = sagemaker.call("CreateModelPackage", ModelPackageName="abalone", Tags=[{"Key": "a", "Value": "b"}])
    assert arn == {"ModelPackageArn": ARN}
    described = sagemaker.call("DescribeModelPackage", ModelPackageName="abalone")
    assert described["ModelPackageName"] == "abalone"
    assert "ModelApprovalStatus" not in described
    assert sagemaker.call("ListTags", ResourceArn=ARN) == {"Tags": [{"Key": "a", "Value": "b"}]}


def test_packages_are_filtered_sorted_and_paged(group: LocalSageMaker) -> None:
    for _ in range(11):
        register(group)
    group.call("CreateModelPackage", ModelPackageName="alone")
    group.call("UpdateModelPackage", ModelPackageArn=f"{ARN}/3", ModelApprovalStatus="Approved")

    def listed(**request: Any) -> list[str]:
        page = group.call("ListModelPackages", **request)
        return [
            package["ModelPackageArn"].rpartition("model-package/")[2] for package in page["ModelPackageSummaryList"]
        ]

    versions = [f"abalone/{number}" for number in range(1, 12)]
    assert listed() == ["alone"]
    assert listed(ModelPackageGroupName="abalone") == versions
    assert listed(ModelPackageGroupName=GROUP_ARN, SortBy="Name", SortOrder="Descending") == versions[::-1]
    assert listed(ModelPackageGroupName="abalone", ModelApprovalStatus="Approved") == ["abalone/3"]
    assert listed(ModelPackageType="Versioned", NameContains="BAL") == versions
    assert listed(ModelPackageType="Both", NameContains="alon", SortBy="Name") == [*versions, "alone"]
    assert listed(ModelPackageGroupName="abalone", CreationTimeBefore=1_800_000_003) == ["abalone/1"]
    page = group.call("ListModelPackages", ModelPackageGroupName="abalone", MaxResults=10)
    assert listed(ModelPackageGroupName="abalone", MaxResults=10, NextToken=page["NextToken"]) == ["abalone/11"]


def test_an_update_changes_what_it_names_and_its_event_says_so(group: LocalSageMaker) -> None:
    register(group, CustomerMetadataProperties={"run": "7", "old": "x"})
    group.call(
        "UpdateModelPackage",
        ModelPackageArn=f"{ARN}/1",
        ModelApprovalStatus="Approved",
        ApprovalDescription="good",
        CustomerMetadataProperties={"by": "me"},
        CustomerMetadataPropertiesToRemove=["old"],
        AdditionalInferenceSpecificationsToAdd=[{"Name": "gpu", "Containers": [{"Image": "image:2"}]}],
    )
    described = group.call("DescribeModelPackage", ModelPackageName=f"{ARN}/1")
    assert described["ModelApprovalStatus"] == "Approved"
    assert described["ApprovalDescription"] == "good"
    assert described["CustomerMetadataProperties"] == {"run": "7", "by": "me"}
    assert [specification["Name"] for specification in described["AdditionalInferenceSpecifications"]] == ["gpu"]
    assert described["LastModifiedTime"] > described["CreationTime"]

    created, updated = details(group, 2)
    assert "UpdatedModelPackageFields" not in created
    assert created["ModelApprovalStatus"] == "PendingManualApproval"
    assert created["CreationTime"] == "2027-01-15T08:00:02.000Z"
    assert updated["ModelApprovalStatus"] == "Approved"
    assert updated["UpdatedModelPackageFields"] == [
        "ModelApprovalStatus",
        "ApprovalDescription",
        "CustomerMetadataProperties",
        "AdditionalInferenceSpecifications",
    ]


def test_the_event_carries_the_package_as_described(group: LocalSageMaker) -> None:
    register(group, ModelPackageDescription="first")
    (event,) = group.emulator.wait_for_events(1)
    assert event["Source"] == "aws.sagemaker"
    assert event["DetailType"] == "SageMaker Model Package State Change"
    assert event["Resources"] == [f"{ARN}/1"]
    detail = json.loads(event["Detail"])
    assert {name: detail[name] for name in detail if not name.endswith("Time")} == {
        "ModelPackageGroupName": "abalone",
        "ModelPackageVersion": 1,
        "ModelPackageArn": f"{ARN}/1",
        "ModelPackageDescription": "first",
        "ModelApprovalStatus": "PendingManualApproval",
        "InferenceSpecification": SPECIFICATION,
        "CreatedBy": {},
        "LastModifiedBy": {},
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "CertifyForMarketplace": False,
    }


def test_a_deleted_package_is_gone_and_its_event_says_deleting(group: LocalSageMaker) -> None:
    register(group)
    group.call("DeleteModelPackage", ModelPackageName="abalone/1")
    assert details(group, 2)[1]["ModelPackageStatus"] == "Deleting"
    assert group.error("DescribeModelPackage", ModelPackageName=f"{ARN}/1") == (
        f"ValidationException: ModelPackage {ARN}/1 does not exist."
    )


def test_a_batch_is_described_with_an_error_for_each_package_that_is_missing(group: LocalSageMaker) -> None:
    register(group)
    answer = group.call("BatchDescribeModelPackage", ModelPackageArnList=[f"{ARN}/1", f"{ARN}/2"])
    assert answer["ModelPackageSummaries"][f"{ARN}/1"]["ModelPackageVersion"] == 1
    assert answer["BatchDescribeModelPackageErrorMap"] == {
        f"{ARN}/2": {"ErrorCode": "ValidationException", "ErrorResponse": f"ModelPackage {ARN}/2 does not exist."}
    }


def test_registered_versions_survive_being_written_down(group: LocalSageMaker) -> None:
    register(group)
    kept = group.service.state()
    group.service.reset()
    group.service.restore(kept)
    assert register(group) == f"{ARN}/2"
    assert len(group.call("ListModelPackages", ModelPackageGroupName="abalone")["ModelPackageSummaryList"]) == 2


ERRORS: list[tuple[str, dict[str, Any], str]] = [
    (
        "CreateModelPackageGroup",
        {"ModelPackageGroupName": "abalone"},
        f"ValidationException: Model Package Group already exists: {GROUP_ARN}",
    ),
    (
        "CreateModelPackageGroup",
        {"ModelPackageGroupName": "-bad"},
        "ValidationException: 1 validation error detected: Value '-bad' at 'ModelPackageGroupName' failed to satisfy "
        "constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
    ),
    (
        "DescribeModelPackageGroup",
        {"ModelPackageGroupName": "none"},
        f"ValidationException: ModelPackageGroup {GROUP_ARN.replace('abalone', 'none')} does not exist.",
    ),
    (
        "DeleteModelPackageGroup",
        {"ModelPackageGroupName": "none"},
        f"ValidationException: ModelPackageGroup {GROUP_ARN.replace('abalone', 'none')} does not exist.",
    ),
    (
        "ListModelPackages",
        {"ModelPackageGroupName": "none"},
        f"ValidationException: ModelPackageGroup {GROUP_ARN.replace('abalone', 'none')} does not exist.",
    ),
    (
        "PutModelPackageGroupPolicy",
        {"ModelPackageGroupName": "abalone", "ResourcePolicy": "{"},
        "ValidationException: ResourcePolicy is not JSON: "
        "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
    ),
    (
        "CreateModelPackage",
        {"ModelPackageGroupName": "none"},
        "ValidationException: Model Package Group does not exist.",
    ),
    (
        "CreateModelPackage",
        {"ModelPackageGroupName": "abalone", "ModelPackageName": "abalone"},
        "ValidationException: Both ModelPackageName and ModelPackageGroupName are provided in the input. "
        "Cannot determine which one to use.",
    ),
    ("CreateModelPackage", {}, "ValidationException: Missing ARN."),
    (
        "CreateModelPackage",
        {"ModelPackageGroupName": "abalone", "Tags": [{"Key": "a", "Value": "b"}]},
        "ValidationException: Tags cannot be specified for a versioned model package: it uses those of its group.",
    ),
    (
        "CreateModelPackage",
        {"ModelPackageName": "alone", "ModelApprovalStatus": "Approved"},
        "ValidationException: ModelApprovalStatus cannot be specified for an unversioned model package.",
    ),
    (
        "CreateModelPackage",
        {"ModelPackageGroupName": "abalone", "ModelApprovalStatus": "Yes"},
        "ValidationException: 1 validation error detected: Value 'Yes' at 'ModelApprovalStatus' failed to satisfy "
        "constraint: Member must satisfy enum value set: [Approved, Rejected, PendingManualApproval]",
    ),
    (
        "UpdateModelPackage",
        {"ModelPackageArn": f"{ARN}/9", "ModelApprovalStatus": "Approved"},
        f"ValidationException: ModelPackage {ARN}/9 does not exist.",
    ),
    (
        "DeleteModelPackage",
        {"ModelPackageName": "none"},
        f"ValidationException: ModelPackage {ARN.replace('abalone', 'none')} does not exist.",
    ),
    ("ListModelPackages", {"NextToken": "?"}, "ValidationException: Invalid NextToken '?'"),
]


@pytest.mark.parametrize(("operation", "request_", "message"), ERRORS)
def test_what_does_not_fit_is_refused_in_sagemakers_words(
    group: LocalSageMaker, operation: str, request_: dict[str, Any], message: str
) -> None:
    assert group.error(operation, **request_) == message
    assert group.call("ListModelPackages", ModelPackageType="Both") == {"ModelPackageSummaryList": []}
