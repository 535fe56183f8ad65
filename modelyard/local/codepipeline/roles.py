"""The roles that actions run with: whether they exist, and whether they trust who assumes them.

The pipeline's role is assumed by CodePipeline, an action's by the pipeline's role, see
https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-create-cross-account.html.
"""

from __future__ import annotations

import json
import urllib.parse
from typing import Any

from botocore.exceptions import ClientError

from modelyard.local.sagemaker.context import Context

__all__ = ["SESSION", "RoleRefused", "require_action_role", "require_service_role"]

SESSION = "CodePipeline"
"""The session's name of what CodePipeline does in a role."""

PRINCIPAL = "codepipeline.amazonaws.com"


class RoleRefused(Exception):
    """A role that cannot be assumed, and why."""


def require_service_role(context: Context, arn: str, principal: str = PRINCIPAL) -> None:
    """Raise ``RoleRefused`` unless the role ``arn`` exists and trusts the service ``principal``."""
    if principal not in _trusted_services(_trust_policy(context, arn)):
        raise RoleRefused(
            f"The role {arn} cannot be assumed: its trust policy does not allow the service principal '{principal}' "
            "sts:AssumeRole"
        )


def require_action_role(context: Context, arn: str, pipeline_role: str) -> None:
    """Raise ``RoleRefused`` unless the pipeline's role can assume the role ``arn``."""
    sts = context.service.emulator.client_as(pipeline_role, SESSION, "sts", context.region)
    try:
        sts.assume_role(RoleArn=arn, RoleSessionName=SESSION)
    except ClientError as error:
        _trust_policy(context, arn)
        account = pipeline_role.split(":")[4]
        raise RoleRefused(
            f"The role {arn} cannot be assumed: its trust policy allows neither the pipeline's role {pipeline_role} "
            f"nor its account {account} sts:AssumeRole ({error})"
        ) from None


def _trust_policy(context: Context, arn: str) -> dict[str, Any]:
    client = context.service.emulator.client("iam", arn.split(":")[4], context.region)
    try:
        policy = client.get_role(RoleName=arn.rpartition("/")[2])["Role"]["AssumeRolePolicyDocument"]
    except ClientError:
        raise RoleRefused(f"The role {arn} cannot be assumed: there is no such role") from None
    return dict(json.loads(urllib.parse.unquote(policy)) if isinstance(policy, str) else policy)


def _trusted_services(policy: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for statement in _listed(policy.get("Statement", [])):
        principal = statement.get("Principal", {})
        allowed = {"sts:AssumeRole", "sts:*", "*"} & set(_listed(statement.get("Action", [])))
        if statement.get("Effect") == "Allow" and allowed and isinstance(principal, dict):
            found.update(_listed(principal.get("Service", [])))
    return found


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]
