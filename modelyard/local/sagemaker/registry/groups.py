"""Model package groups."""

from __future__ import annotations

from typing import Any

from modelyard.local.sagemaker import tags
from modelyard.local.sagemaker.context import Context
from modelyard.local.sagemaker.errors import ConflictException, ValidationException
from modelyard.local.sagemaker.operations import operation
from modelyard.local.sagemaker.paging import listed
from modelyard.local.sagemaker.registry.names import GROUPS, PACKAGES, find_group, group_arn
from modelyard.local.sagemaker.registry.policies import forget_policy


@operation("CreateModelPackageGroup")
def create_model_package_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    arn = group_arn(context, request["ModelPackageGroupName"])
    if arn in context.table(GROUPS):
        raise ValidationException(f"Model Package Group already exists: {arn}")
    context.table(GROUPS)[arn] = {
        **{name: value for name, value in request.items() if name != "Tags"},
        "ModelPackageGroupArn": arn,
        "CreationTime": context.now(),
        "CreatedBy": {},
        "ModelPackageGroupStatus": "Completed",
        "_last_version": 0,
    }
    tags.set_tags(context, arn, request.get("Tags", []))
    context.snapshot()
    return {"ModelPackageGroupArn": arn}


@operation("DescribeModelPackageGroup")
def describe_model_package_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return find_group(context, request["ModelPackageGroupName"])


@operation("ListModelPackageGroups")
def list_model_package_groups(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return listed(
        request,
        context.table(GROUPS).values(),
        answer="ModelPackageGroupSummaryList",
        name="ModelPackageGroupName",
        default_order="Ascending",
    )


@operation("DeleteModelPackageGroup")
def delete_model_package_group(context: Context, request: dict[str, Any]) -> None:
    group = find_group(context, request["ModelPackageGroupName"])
    arn, name = group["ModelPackageGroupArn"], group["ModelPackageGroupName"]
    if any(package.get("ModelPackageGroupName") == name for package in context.table(PACKAGES).values()):
        raise ConflictException(f"Model Package Group {arn} cannot be deleted as it still contains Model Packages.")
    del context.table(GROUPS)[arn]
    forget_policy(context, arn)
    tags.forget(context, arn)
    context.snapshot()
