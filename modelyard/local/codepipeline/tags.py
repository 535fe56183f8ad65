"""The tags of pipelines."""

from __future__ import annotations

from typing import Any

from modelyard.local.codepipeline.api import arn_of, operation, page, pipelines
from modelyard.local.codepipeline.errors import ResourceNotFoundException, TooManyTagsException
from modelyard.local.sagemaker.context import Context, Record

__all__ = ["set_tags", "tag_list"]

_MOST = 50


def set_tags(pipeline: Record, tags: list[dict[str, str]]) -> None:
    """Add ``tags`` to a pipeline, replacing those of the same key."""
    kept = {**pipeline["_tags"], **{tag["key"]: tag["value"] for tag in tags}}
    if len(kept) > _MOST:
        raise TooManyTagsException(f"A pipeline has {_MOST} tags at most, and this one would have {len(kept)}")
    pipeline["_tags"] = kept


def tag_list(pipeline: Record) -> list[dict[str, str]]:
    """The tags of a pipeline, in the order of their keys."""
    return [{"key": key, "value": value} for key, value in sorted(pipeline["_tags"].items())]


@operation("ListTagsForResource")
def list_tags_for_resource(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return page(request, tag_list(_find(context, request["resourceArn"])), "tags")


@operation("TagResource")
def tag_resource(context: Context, request: dict[str, Any]) -> None:
    set_tags(_find(context, request["resourceArn"]), request["tags"])
    context.snapshot()


@operation("UntagResource")
def untag_resource(context: Context, request: dict[str, Any]) -> None:
    pipeline = _find(context, request["resourceArn"])
    for key in request["tagKeys"]:
        pipeline["_tags"].pop(key, None)
    context.snapshot()


def _find(context: Context, arn: str) -> Record:
    name = arn.rpartition(":")[2]
    pipeline = pipelines(context).get(name)
    if pipeline is None or arn != arn_of(context, name):
        raise ResourceNotFoundException(f"{arn} is no pipeline of account {context.account} in {context.region}")
    return pipeline
