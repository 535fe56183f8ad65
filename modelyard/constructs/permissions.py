"""The policy of a role, each pattern in it with its reason."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from aws_cdk import Acknowledgment, Stack, Validations
from aws_cdk import aws_iam as iam
from constructs import IConstruct

from modelyard.cdk_app import ACKNOWLEDGE

_WILDCARD = "AwsSolutions-IAM5"


class Permissions:
    """What a role may do; `attach` makes the role's policy of it.

    The statements are gathered here and cross to the CDK once, not one by one, which a synthesis would feel.
    """

    def __init__(self, role: iam.Role, id: str = "Permissions") -> None:
        self._role = role
        self._id = id
        self._statements: list[dict[str, Any]] = []
        self._reasons: dict[str, str] = {}

    def allow(
        self,
        actions: Sequence[str],
        *resources: str,
        because: str = "",
        conditions: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Let the role do `actions` on `resources`.

        Args:
            actions: without wildcards.
            resources: ARNs.
            because: why those of them with a wildcard cannot be named one by one; acknowledges cdk-nag's finding.
            conditions: of the statement. Default: none.

        Raises:
            ValueError: a resource has a wildcard and no reason is given.
        """
        patterns = [resource for resource in resources if "*" in resource]
        if patterns and not because:
            raise ValueError(f"say because of what {patterns} has a wildcard, which {list(actions)} are allowed on")
        self._statements.append(allow(actions, *resources, conditions=conditions))
        self._reasons.update(dict.fromkeys(patterns, because))

    def attach(self) -> None:
        """Give the role its policy; to be called once, after all that it may do has been said."""
        iam.Policy(self._role, self._id, document=policy_document(self._statements), roles=[self._role])
        acknowledge_wildcards(self._role, self._reasons)


def allow(
    actions: Sequence[str], *resources: str, conditions: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """A statement that allows `actions` on `resources`."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
    return {**statement, "Condition": conditions} if conditions else statement


def policy_document(statements: Sequence[Mapping[str, Any]]) -> iam.PolicyDocument:
    """A policy of `statements`, which cross to the CDK at once."""
    return iam.PolicyDocument.from_json({"Version": "2012-10-17", "Statement": statements})


def acknowledge_wildcards(scope: IConstruct, reasons: Mapping[str, str]) -> None:
    """Give cdk-nag the reason why policies in `scope` have a resource with a wildcard; each is acknowledged alone."""
    if not is_acknowledging(scope):
        return
    stack = Stack.of(scope)
    findings = {resource: stack.resolve(resource) if "${Token" in resource else resource for resource in reasons}
    acknowledge(
        scope,
        {f"{_WILDCARD}[Resource::{_as_nag_writes(findings[resource])}]": reasons[resource] for resource in reasons},
    )


def acknowledge(scope: IConstruct, reasons: Mapping[str, str]) -> None:
    """Acknowledge what cdk-nag's rules say of `scope`, each with its reason; nothing in an app that does not run them.

    Whether it does, `modelyard.cdk_app.create_app` is told.
    """
    if not is_acknowledging(scope):
        return
    Validations.of(scope).acknowledge(*(Acknowledgment(id=rule, reason=reason) for rule, reason in reasons.items()))


def is_acknowledging(scope: IConstruct) -> bool:
    """Whether the app of `scope` wants to be told why a rule of cdk-nag does not hold."""
    stack = scope if isinstance(scope, Stack) else Stack.of(scope)
    if stack not in _ASKED:
        _ASKED[stack] = stack.node.try_get_context(ACKNOWLEDGE) is not False
    return _ASKED[stack]


_ASKED: WeakKeyDictionary[Stack, bool] = WeakKeyDictionary()


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
