"""Resource policies of model package groups: kept and answered, not evaluated."""

from __future__ import annotations

import json
from typing import Any

from modelyard.local.sagemaker.context import Context
from modelyard.local.sagemaker.errors import ValidationException
from modelyard.local.sagemaker.operations import operation
from modelyard.local.sagemaker.registry.names import find_group

__all__ = ["forget_policy"]

_POLICIES = "model_package_group_policies"


@operation("PutModelPackageGroupPolicy")
def put_model_package_group_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    arn = find_group(context, request["ModelPackageGroupName"])["ModelPackageGroupArn"]
    try:
        json.loads(request["ResourcePolicy"])
    except ValueError as error:
        raise ValidationException(f"ResourcePolicy is not JSON: {error}") from None
    context.table(_POLICIES)[arn] = {"ResourcePolicy": request["ResourcePolicy"]}
    context.snapshot()
    return {"ModelPackageGroupArn": arn}


@operation("GetModelPackageGroupPolicy")
def get_model_package_group_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return context.table(_POLICIES)[_arn_with_policy(context, request)]


@operation("DeleteModelPackageGroupPolicy")
def delete_model_package_group_policy(context: Context, request: dict[str, Any]) -> None:
    del context.table(_POLICIES)[_arn_with_policy(context, request)]
    context.snapshot()


def forget_policy(context: Context, arn: str) -> None:
    """Drop the policy of a group that is gone."""
    context.table(_POLICIES).pop(arn, None)


def _arn_with_policy(context: Context, request: dict[str, Any]) -> str:
    arn: str = find_group(context, request["ModelPackageGroupName"])["ModelPackageGroupArn"]
    if arn not in context.table(_POLICIES):
        raise ValidationException(f"Cannot find resource policy for: {arn}")
    return arn
