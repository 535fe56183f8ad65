"""Emptying what a disposable stage leaves."""

import itertools
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from modelyard.lambdas.emptier.handler import handle
from tests.lambdas.function import Context, deploy
from tests.local_aws import LocalAws

_buckets = itertools.count()
DISPOSABLE = [{"Key": "modelyard:disposable", "Value": "true"}]


@pytest.fixture(autouse=True)
def _deployed(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment in which the handler's own clients reach the local AWS."""
    deploy(local_aws, monkeypatch)


@pytest.fixture
def bucket(local_aws: LocalAws) -> str:
    """A versioned bucket with versions, a delete marker, and more objects than a page lists."""
    s3 = local_aws.client("s3")
    name = f"emptier-{next(_buckets)}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": local_aws.region})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for index in range(1010):
        s3.put_object(Bucket=name, Key=f"object/{index}", Body=b"1")
    s3.put_object(Bucket=name, Key="object/1", Body=b"2")
    s3.delete_object(Bucket=name, Key="object/2")
    return name


def _event(request: str, kind: str, name: str) -> dict[str, Any]:
    return {"RequestType": request, "ResourceProperties": {"ServiceToken": "x", "Kind": kind, "Name": name}}


def _versions(local_aws: LocalAws, bucket: str) -> int:
    pages = local_aws.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket)
    return sum(len(page.get("Versions", [])) + len(page.get("DeleteMarkers", [])) for page in pages)


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_nothing_is_emptied_before_the_resource_is_deleted(local_aws: LocalAws, bucket: str, request_type: str) -> None:
    before = _versions(local_aws, bucket)
    local_aws.client("s3").put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": DISPOSABLE})
    answer = handle(_event(request_type, "bucket", bucket), Context())
    assert answer == {"PhysicalResourceId": f"bucket/{bucket}"}
    assert _versions(local_aws, bucket) == before


def test_a_disposable_bucket_is_closed_and_emptied_of_every_version(local_aws: LocalAws, bucket: str) -> None:
    s3 = local_aws.client("s3")
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": DISPOSABLE})
    own = {"Sid": "Own", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/x"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [own]}))
    for _ in range(2):
        handle(_event("Delete", "bucket", bucket), Context())
        assert _versions(local_aws, bucket) == 0
    statements = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    assert [statement["Sid"] for statement in statements] == ["Own", "ClosedByEmptier"]


def test_a_bucket_that_is_not_disposable_is_left_alone(local_aws: LocalAws, bucket: str) -> None:
    before = _versions(local_aws, bucket)
    handle(_event("Delete", "bucket", bucket), Context())
    assert _versions(local_aws, bucket) == before


def test_a_bucket_that_is_gone_counts_as_emptied() -> None:
    answer = handle(_event("Delete", "bucket", "emptier-that-never-was"), Context())
    assert answer == {"PhysicalResourceId": "bucket/emptier-that-never-was"}


def test_running_out_of_time_fails_with_what_to_do(local_aws: LocalAws, bucket: str) -> None:
    local_aws.client("s3").put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": DISPOSABLE})
    with pytest.raises(TimeoutError) as caught:
        handle(_event("Delete", "bucket", bucket), Context(milliseconds=1000))
    assert str(caught.value) == f"bucket {bucket}: not yet empty; delete the stack again to go on"


def _group(local_aws: LocalAws, name: str, *, tags: list[dict[str, str]]) -> str:
    sagemaker = local_aws.client("sagemaker")
    arn: str = sagemaker.create_model_package_group(ModelPackageGroupName=name, Tags=tags)["ModelPackageGroupArn"]
    for _ in range(3):
        sagemaker.create_model_package(ModelPackageGroupName=name, ModelApprovalStatus="PendingManualApproval")
    return arn


def _packages(local_aws: LocalAws, group: str) -> int:
    sagemaker = local_aws.client("sagemaker")
    return len(sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"])


def test_a_disposable_group_is_emptied_and_can_be_deleted(local_aws: LocalAws) -> None:
    arn = _group(local_aws, "emptier-disposable", tags=DISPOSABLE)
    handle(_event("Delete", "model-package-group", arn), Context())
    assert _packages(local_aws, "emptier-disposable") == 0
    sagemaker = local_aws.client("sagemaker")
    sagemaker.delete_model_package_group(ModelPackageGroupName="emptier-disposable")
    with pytest.raises(ClientError):
        sagemaker.describe_model_package_group(ModelPackageGroupName="emptier-disposable")
    handle(_event("Delete", "model-package-group", arn), Context())


def test_a_group_that_is_not_disposable_is_left_alone(local_aws: LocalAws) -> None:
    arn = _group(local_aws, "emptier-retained", tags=[])
    handle(_event("Delete", "model-package-group", arn), Context())
    assert _packages(local_aws, "emptier-retained") == 3
