"""Tags, kept apart from what they are on, by ARN."""

from __future__ import annotations

from typing import Any

from modelyard.local.sagemaker.context import Context
from modelyard.local.sagemaker.errors import ValidationException
from modelyard.local.sagemaker.operations import operation
from modelyard.local.sagemaker.paging import listed

__all__ = ["forget", "set_tags", "tags_of"]

_MOST = 50


def set_tags(context: Context, arn: str, tags: list[dict[str, str]]) -> None:
    """Add ``tags`` to ``arn``, replacing those of the same key."""
    kept = context.table("tags").setdefault(arn, {})
    if len({**kept, **{tag["Key"]: tag["Value"] for tag in tags}}) > _MOST:
        raise ValidationException(f"{arn} would have more than {_MOST} tags")
    kept.update({tag["Key"]: tag["Value"] for tag in tags})


def tags_of(context: Context, arn: str) -> list[dict[str, str]]:
    """The tags of ``arn``, in the order of their keys."""
    return [{"Key": key, "Value": value} for key, value in sorted(context.table("tags").get(arn, {}).items())]


def forget(context: Context, arn: str) -> None:
    """Drop the tags of a resource that is gone."""
    context.table("tags").pop(arn, None)


@operation("AddTags")
def add_tags(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    _require_here(context, request["ResourceArn"])
    set_tags(context, request["ResourceArn"], request["Tags"])
    return {"Tags": tags_of(context, request["ResourceArn"])}


@operation("DeleteTags")
def delete_tags(context: Context, request: dict[str, Any]) -> None:
    _require_here(context, request["ResourceArn"])
    kept = context.table("tags").get(request["ResourceArn"], {})
    for key in request["TagKeys"]:
        kept.pop(key, None)


@operation("ListTags")
def list_tags(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    arn = request["ResourceArn"]
    _require_here(context, arn)
    return listed(
        request, tags_of(context, arn), answer="Tags", name="Key", default_sort="Key", default_order="Ascending"
    )


def _require_here(context: Context, arn: str) -> None:
    if not arn.startswith(f"arn:aws:sagemaker:{context.region}:{context.account}:"):
        raise ValidationException(f"{arn} is not a SageMaker resource of account {context.account} in {context.region}")
