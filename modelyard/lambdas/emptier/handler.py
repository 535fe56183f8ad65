"""A custom resource that, when it is deleted, empties what CloudFormation deletes only when it is empty.

Only what bears the tag `modelyard:disposable` = `true` is emptied: when a stage ceases to be disposable, its custom
resources are deleted too, but by then CloudFormation has taken the tag off.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import ClientError

TAG = {"Key": "modelyard:disposable", "Value": "true"}
_SPARE_MILLISECONDS = 30_000
_ABSENT = {"NoSuchBucket", "NoSuchTagSet", "NoSuchBucketPolicy", "ResourceNotFound"}

Emptier = Callable[[str, Callable[[], None]], None]


def handle(event: dict[str, Any], context: Any) -> dict[str, str]:
    """Answer CloudFormation for a resource with the properties `Kind` (`bucket`, `model-package-group`) and `Name`."""
    kind, name = event["ResourceProperties"]["Kind"], event["ResourceProperties"]["Name"]
    empty = EMPTIERS[kind]

    def check_time() -> None:
        if context.get_remaining_time_in_millis() < _SPARE_MILLISECONDS:
            raise TimeoutError(f"{kind} {name}: not yet empty; delete the stack again to go on")

    if event["RequestType"] == "Delete":
        empty(name, check_time)
    return {"PhysicalResourceId": f"{kind}/{name}"}


def empty_bucket(name: str, check_time: Callable[[], None]) -> None:
    """Delete every version of every object; first close the bucket to the writers that may still be at work."""
    s3 = boto3.client("s3")
    if TAG not in _unless_absent(lambda: s3.get_bucket_tagging(Bucket=name)["TagSet"], []):
        print(f"{name}: absent or not disposable; left alone")
        return
    _close(s3, name)
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
        check_time()
        found = page.get("Versions", []) + page.get("DeleteMarkers", [])
        objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]
        if objects:
            errors = s3.delete_objects(Bucket=name, Delete={"Objects": objects, "Quiet": True}).get("Errors", [])
            if errors:
                raise RuntimeError(f"{name}: {len(errors)} objects were not deleted, the first: {errors[0]}")


def _close(s3: Any, name: str) -> None:
    """Deny further writes: S3 itself delivers access logs for hours after the last request."""
    text = _unless_absent(
        lambda: s3.get_bucket_policy(Bucket=name)["Policy"], '{"Version": "2012-10-17", "Statement": []}'
    )
    policy = json.loads(text)
    deny = {
        "Sid": "ClosedByEmptier",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:{s3.meta.partition}:s3:::{name}/*",
    }
    if deny not in policy["Statement"]:
        policy["Statement"].append(deny)
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))


def empty_model_package_group(arn: str, check_time: Callable[[], None]) -> None:
    """Delete every version in the group."""
    sagemaker = boto3.client("sagemaker")
    if TAG not in _unless_absent(lambda: sagemaker.list_tags(ResourceArn=arn)["Tags"], []):
        print(f"{arn}: absent or not disposable; left alone")
        return
    group = arn.rpartition("/")[2]
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
    packages = [package["ModelPackageArn"] for page in pages for package in page["ModelPackageSummaryList"]]
    for package in packages:
        check_time()
        sagemaker.delete_model_package(ModelPackageName=package)


def _unless_absent(call: Callable[[], Any], default: Any) -> Any:
    try:
        return call()
    except ClientError as error:
        absent = error.response["Error"]["Code"] in _ABSENT or "does not exist" in str(error)
        if absent:
            return default
        raise


EMPTIERS: dict[str, Emptier] = {"bucket": empty_bucket, "model-package-group": empty_model_package_group}
