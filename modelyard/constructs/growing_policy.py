"""A policy that grows with the constructs that need it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aws_cdk import aws_iam as iam
from constructs import Construct

from modelyard.constructs.permissions import acknowledge_wildcards


class GrowingPolicy:
    """What a role may do with resources that are told one by one; there is no policy until the first is.

    All actions are allowed on all resources, which are of one owner: a service ignores an action on a resource that is
    not of its kind. One statement takes a fraction of the room that one for each resource would, and IAM gives a role
    no more than 10,240 characters.

    Args:
        scope: of the policy.
        id: of the policy.
        role: whose policy it is; asked for with the first resource.
        actions: without wildcards.
        because: why resources with a wildcard cannot be named one by one.
        conditions: of the statement. Default: none.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        role: Callable[[], iam.IRole],
        actions: Sequence[str],
        *,
        because: str = "",
        conditions: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self._scope = scope
        self._id = id
        self._role = role
        self._actions = sorted(set(actions))
        self._because = because
        self._conditions = conditions
        self._resources: list[str] = []
        self._statement: iam.PolicyStatement | None = None

    def allow(self, *resources: str) -> None:
        """Let the role do the actions on `resources` too."""
        new = [resource for resource in dict.fromkeys(resources) if resource not in self._resources]
        self._resources += new
        if not new:
            return
        if self._statement is None:
            self._statement = iam.PolicyStatement(
                actions=self._actions, resources=new, conditions=dict(self._conditions or {}) or None
            )
            iam.Policy(self._scope, self._id, statements=[self._statement], roles=[self._role()])
        else:
            self._statement.add_resources(*new)
        acknowledge_wildcards(self._scope, {resource: self._because for resource in new if "*" in resource})
