"""The kinds of actions that run here."""

from __future__ import annotations

from modelyard.local.codepipeline.action import ActionType
from modelyard.local.codepipeline.actions.approval import APPROVAL
from modelyard.local.codepipeline.actions.cloudformation import CLOUDFORMATION
from modelyard.local.codepipeline.actions.codebuild import CODEBUILD
from modelyard.local.codepipeline.actions.lambda_function import LAMBDA
from modelyard.local.codepipeline.actions.s3 import S3_SOURCE
from modelyard.local.sagemaker.context import Record

__all__ = ["ACTION_TYPES", "type_of"]

ACTION_TYPES = (S3_SOURCE, CODEBUILD, CLOUDFORMATION, LAMBDA, APPROVAL)


def type_of(action: Record) -> ActionType | None:
    """The kind of a declared action; None for one that does not run here."""
    wanted = action["actionTypeId"]
    for type_ in ACTION_TYPES:
        known = (type_.provider, "AWS", "1")
        if wanted["category"] in type_.categories and (wanted["provider"], wanted["owner"], wanted["version"]) == known:
            return type_
    return None
