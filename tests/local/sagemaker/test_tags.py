"""Tags of any resource, by its ARN."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import modelyard.local.sagemaker.registry
from tests.local.sagemaker.in_process import LocalSageMaker

__all__ = ["modelyard"]

ARN = "arn:aws:sagemaker:eu-west-1:111122223333:model-package-group/group"


@pytest.fixture
def sagemaker(tmp_path: Path) -> Iterator[LocalSageMaker]:
    local = LocalSageMaker(tmp_path)
    local.call("CreateModelPackageGroup", ModelPackageGroupName="group", Tags=[{"Key": "a", "Value": "1"}])
    yield local
    local.close()


def tags(sagemaker: LocalSageMaker) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in sagemaker.call("ListTags", ResourceArn=ARN)["Tags"]}


def test_tags_are_added_replaced_and_deleted(sagemaker: LocalSageMaker) -> None:
    answer = sagemaker.call("AddTags", ResourceArn=ARN, Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}])
    assert answer == {"Tags": [{"Key": "a", "Value": "3"}, {"Key": "b", "Value": "2"}]}
    assert tags(sagemaker) == {"a": "3", "b": "2"}
    sagemaker.call("DeleteTags", ResourceArn=ARN, TagKeys=["a", "none"])
    assert tags(sagemaker) == {"b": "2"}


def test_tags_are_listed_in_pages(sagemaker: LocalSageMaker) -> None:
    more = [{"Key": f"k{number:02}", "Value": "v"} for number in range(49)]
    sagemaker.call("AddTags", ResourceArn=ARN, Tags=more)
    page = sagemaker.call("ListTags", ResourceArn=ARN, MaxResults=50)
    assert len(page["Tags"]) == 50
    assert "NextToken" not in page


def test_a_resource_has_fifty_tags_at_most(sagemaker: LocalSageMaker) -> None:
    more = [{"Key": f"k{number:02}", "Value": "v"} for number in range(50)]
    assert sagemaker.error("AddTags", ResourceArn=ARN, Tags=more) == (
        f"ValidationException: {ARN} would have more than 50 tags"
    )
    assert tags(sagemaker) == {"a": "1"}


@pytest.mark.parametrize("arn", [ARN.replace("eu-west-1", "us-east-1"), ARN.replace("1111", "9999")])
def test_tags_of_elsewhere_are_refused(sagemaker: LocalSageMaker, arn: str) -> None:
    message = f"ValidationException: {arn} is not a SageMaker resource of account 111122223333 in eu-west-1"
    assert sagemaker.error("AddTags", ResourceArn=arn, Tags=[{"Key": "a", "Value": "b"}]) == message
    assert sagemaker.error("ListTags", ResourceArn=arn) == message
    assert sagemaker.error("DeleteTags", ResourceArn=arn, TagKeys=["a"]) == message
