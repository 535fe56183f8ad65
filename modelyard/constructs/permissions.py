"""The policy of a role, each pattern in it with its reason."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast
from weakref import WeakKeyDictionary

from aws_cdk import Acknowledgment, IResolvable, Stage, Validations
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

from modelyard.cdk_app import ACKNOWLEDGE
from modelyard.constructs.part import app_of, stack_of

_WILDCARD = "AwsSolutions-IAM5"
_NAME = "Permissions"


class Permissions:
    """What a role may do.

    The statements are gathered here and cross to the CDK once, not one by one, which a synthesis would feel.
    """

    def __init__(self) -> None:
        # By what they have in common: a role has room for 10,240 characters.
        self._resources: dict[tuple[tuple[str, ...], str], list[str]] = {}
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
        common = tuple(actions), json.dumps(conditions or {}, sort_keys=True)
        known = self._resources.setdefault(common, [])
        known += [resource for resource in resources if resource not in known]
        self._reasons.update(dict.fromkeys(patterns, because))

    @property
    def _statements(self) -> list[dict[str, Any]]:
        return [
            allow(actions, *resources, conditions=json.loads(conditions))
            for (actions, conditions), resources in self._resources.items()
        ]

    def policies(self) -> list[IResolvable | iam.CfnRole.PolicyProperty]:
        """All that a role has, for its properties."""
        return [iam.CfnRole.PolicyProperty(policy_name=_NAME, policy_document=document(self._statements))]

    def documents(self) -> dict[str, iam.PolicyDocument]:
        """The same, for a role that is the CDK's own."""
        return {_NAME: policy_document(self._statements)}

    def attach(self, role: iam.IRole, id: str = _NAME) -> None:
        """Give a role a policy of its own, whatever other policies it has.

        Args:
            role: the role.
            id: of the policy.
        """
        # Every role is a construct; its interface does not say so.
        iam.Policy(cast(Construct, role), id, document=policy_document(self._statements), roles=[role])
        self.acknowledge(role, role)

    def acknowledge(self, role: IConstruct, within: IConstruct) -> None:
        """Give cdk-nag the reasons for what a role may do on resources with a wildcard.

        Args:
            role: the role.
            within: what the role belongs to, whose stack is known.
        """
        if is_acknowledging(within):
            acknowledge_wildcards(role, self._reasons)


def allow(
    actions: Sequence[str], *resources: str, conditions: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """A statement that allows `actions` on `resources`."""
    statement = {"Effect": "Allow", "Action": _one_or_all(actions), "Resource": _one_or_all(resources)}
    return {**statement, "Condition": conditions} if conditions else statement


def _one_or_all(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def trust(service: str) -> dict[str, Any]:
    """A policy that lets a service assume its role."""
    return document([{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}])


def policy_document(statements: Sequence[Mapping[str, Any]]) -> iam.PolicyDocument:
    """A policy of `statements`, which cross to the CDK at once."""
    return iam.PolicyDocument.from_json(document(statements))


def document(statements: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A policy of `statements`, as it stands in a template."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def acknowledge_wildcards(scope: IConstruct, reasons: Mapping[str, str]) -> None:
    """Give cdk-nag the reason why policies in `scope` have a resource with a wildcard; each is acknowledged alone."""
    if not is_acknowledging(scope):
        return
    stack = stack_of(scope)
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
    app = app_of(stack_of(scope))
    if app not in _ASKED:
        _ASKED[app] = app.node.try_get_context(ACKNOWLEDGE) is not False
    return _ASKED[app]


_ASKED: WeakKeyDictionary[Stage, bool] = WeakKeyDictionary()


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
