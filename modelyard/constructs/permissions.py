"""Statements of roles, each pattern in them with its reason."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Acknowledgment, Stack, Validations
from aws_cdk import aws_iam as iam
from constructs import IConstruct

_WILDCARD = "AwsSolutions-IAM5"


def allow(
    role: iam.Role,
    actions: Sequence[str],
    *resources: str,
    because: str = "",
    conditions: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Let `role` do `actions` on `resources`.

    Args:
        role: the role.
        actions: without wildcards.
        resources: ARNs.
        because: why those of them with a wildcard cannot be named one by one; acknowledges what cdk-nag says of them.
        conditions: of the statement. Default: none.

    Raises:
        ValueError: a resource has a wildcard and no reason is given.
    """
    patterns = [resource for resource in resources if "*" in resource]
    if patterns and not because:
        raise ValueError(f"{role.node.path}: say because of what {patterns} has a wildcard")
    role.add_to_policy(
        iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=dict(conditions or {}))
    )
    acknowledge_wildcards(role, *patterns, because=because)


def acknowledge_wildcards(scope: IConstruct, *resources: str, because: str) -> None:
    """Give cdk-nag the reason why policies in `scope` have `resources` with a wildcard; each is acknowledged alone."""
    stack = Stack.of(scope)
    for resource in resources:
        acknowledge(scope, f"{_WILDCARD}[Resource::{_as_nag_writes(stack.resolve(resource))}]", because)


def acknowledge(scope: IConstruct, rule: str, reason: str) -> None:
    """Acknowledge what cdk-nag's `rule` says of `scope`."""
    Validations.of(scope).acknowledge(Acknowledgment(id=rule, reason=reason))


def _as_nag_writes(value: Any) -> str:
    """A resolved ARN the way cdk-nag names it: `<LogicalId.Arn>/*`."""
    match value:
        case str():
            return value.replace("${", "<").replace("}", ">")
        case {"Fn::Join": [delimiter, parts]}:
            return str(delimiter).join(_as_nag_writes(part) for part in parts)
        case {"Fn::GetAtt": [resource, attribute]}:
            return f"<{resource}.{attribute}>"
        case {"Ref": resource}:
            return f"<{resource}>"
        case _:
            return json.dumps(value, separators=(",", ":"))
