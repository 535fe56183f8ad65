"""Fewer calls to the CDK.

Every call crosses from Python to JavaScript and back, and a synthesis makes a thousand. A resource that takes no tags
and that nobody builds upon is written as it stands in the template, in one call; what others build upon stays the CDK's
own construct.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from aws_cdk import CfnResource
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

__all__ = ["add_custom_resource", "is_token", "service_principal", "token"]


def add_custom_resource(
    scope: Construct,
    id: str,
    type: str,
    *,
    service_token: str,
    service_timeout_seconds: int,
    properties: Mapping[str, Any],
) -> CfnResource:
    """Add a custom resource to the stack of `scope`, with the logical id of the CDK's own.

    Args:
        type: such as `Custom::ModelyardImage`.
        service_token: who answers for it.
        service_timeout_seconds: how long CloudFormation waits for the answer, an hour at most.
        properties: what it is given.
    """
    own = {"ServiceToken": service_token, "ServiceTimeout": str(service_timeout_seconds)}
    return CfnResource(scope, id, type=type, properties={**own, **properties})


def is_token(text: str) -> bool:
    """Whether a text is, or holds, what is known only when the stack is deployed; CDK writes it as `${Token[…]}`."""
    return "${Token[" in text


def token(construct: IConstruct, attribute: str) -> str:
    """A text attribute of a construct, such as `role_arn` of a role; the CDK is asked for it once."""
    known = _TOKENS.setdefault(construct, {})
    if attribute not in known:
        known[attribute] = getattr(construct, attribute)
    return known[attribute]


_TOKENS: WeakKeyDictionary[IConstruct, dict[str, str]] = WeakKeyDictionary()


@cache
def service_principal(service: str) -> iam.ServicePrincipal:
    """A service that assumes roles, such as `lambda.amazonaws.com`."""
    return iam.ServicePrincipal(service)
