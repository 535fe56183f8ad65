"""Model package groups and their policies."""

from __future__ import annotations

from tests.local.sagemaker.in_process import LocalSageMaker

ARN = "arn:aws:sagemaker:eu-west-1:111122223333:model-package-group/abalone"


def test_a_group_is_described_by_its_name_and_by_its_arn(sagemaker: LocalSageMaker) -> None:
    answer = sagemaker.call(
        "CreateModelPackageGroup", ModelPackageGroupName="abalone", ModelPackageGroupDescription="rings"
    )
    assert answer == {"ModelPackageGroupArn": ARN}
    by_name = sagemaker.call("DescribeModelPackageGroup", ModelPackageGroupName="abalone")
    by_arn = sagemaker.call("DescribeModelPackageGroup", ModelPackageGroupName=ARN)
    assert by_name == by_arn
    assert by_name["ModelPackageGroupDescription"] == "rings"
    assert by_name["ModelPackageGroupStatus"] == "Completed"


def test_groups_are_listed_in_pages_by_name_and_by_time(sagemaker: LocalSageMaker) -> None:
    for name in ("one", "two", "three"):
        sagemaker.call("CreateModelPackageGroup", ModelPackageGroupName=name)
    first = sagemaker.call("ListModelPackageGroups", MaxResults=2)
    rest = sagemaker.call("ListModelPackageGroups", MaxResults=2, NextToken=first["NextToken"])
    names = [group["ModelPackageGroupName"] for page in (first, rest) for group in page["ModelPackageGroupSummaryList"]]
    assert names == ["one", "two", "three"]
    assert "NextToken" not in rest

    def listed(**request: object) -> list[str]:
        page = sagemaker.call("ListModelPackageGroups", **request)
        return [group["ModelPackageGroupName"] for group in page["ModelPackageGroupSummaryList"]]

    assert listed(SortBy="Name", SortOrder="Descending") == ["two", "three", "one"]
    assert listed(NameContains="T") == ["two", "three"]
    assert listed(CreationTimeAfter=sagemaker.now - 1) == ["three"]


def test_a_group_with_a_version_cannot_be_deleted_and_an_empty_one_can(sagemaker: LocalSageMaker) -> None:
    sagemaker.call("CreateModelPackageGroup", ModelPackageGroupName="abalone", Tags=[{"Key": "a", "Value": "b"}])
    sagemaker.call("CreateModelPackage", ModelPackageGroupName="abalone")
    assert sagemaker.error("DeleteModelPackageGroup", ModelPackageGroupName="abalone") == (
        f"ConflictException: Model Package Group {ARN} cannot be deleted as it still contains Model Packages."
    )
    sagemaker.call("DeleteModelPackage", ModelPackageName=ARN.replace("-group/abalone", "/abalone/1"))
    sagemaker.call("DeleteModelPackageGroup", ModelPackageGroupName="abalone")
    assert sagemaker.call("ListModelPackageGroups") == {"ModelPackageGroupSummaryList": []}
    assert sagemaker.call("ListTags", ResourceArn=ARN) == {"Tags": []}


def test_a_policy_is_kept_until_it_or_its_group_is_deleted(sagemaker: LocalSageMaker) -> None:
    sagemaker.call("CreateModelPackageGroup", ModelPackageGroupName="abalone")
    missing = f"ValidationException: Cannot find resource policy for: {ARN}"
    assert sagemaker.error("GetModelPackageGroupPolicy", ModelPackageGroupName="abalone") == missing
    for _ in range(2):
        sagemaker.call("PutModelPackageGroupPolicy", ModelPackageGroupName="abalone", ResourcePolicy="{}")
        answer = sagemaker.call("GetModelPackageGroupPolicy", ModelPackageGroupName="abalone")
        assert answer == {"ResourcePolicy": "{}"}
        sagemaker.call("DeleteModelPackageGroupPolicy", ModelPackageGroupName="abalone")
        assert sagemaker.error("GetModelPackageGroupPolicy", ModelPackageGroupName="abalone") == missing
    sagemaker.call("PutModelPackageGroupPolicy", ModelPackageGroupName="abalone", ResourcePolicy="{}")
    sagemaker.call("DeleteModelPackageGroup", ModelPackageGroupName="abalone")
    sagemaker.call("CreateModelPackageGroup", ModelPackageGroupName="abalone")
    assert sagemaker.error("GetModelPackageGroupPolicy", ModelPackageGroupName="abalone") == missing


def test_each_write_asks_for_a_snapshot(sagemaker: LocalSageMaker) -> None:
    sagemaker.call("CreateModelPackageGroup", ModelPackageGroupName="abalone")
    assert sagemaker.emulator.snapshots == 1
    sagemaker.call("DeleteModelPackageGroup", ModelPackageGroupName="abalone")
    assert sagemaker.emulator.snapshots == 2
