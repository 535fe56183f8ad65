"""A policy that grows with the constructs that need it."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from aws_cdk import aws_iam as iam
from constructs import Construct

from modelyard.constructs.permissions import acknowledge_wildcards


class GrowingPolicy:
    """What a role may do with resources that are told one by one; there is no policy until the first is.

    All actions are allowed on all resources, which are of one owner: a service ignores an action on a resource that is
    not of its kind. One statement takes a fraction of the room that one for each resource would, and IAM gives a role
    no more than 10,240 characters.

    Args:
        role: whose policy it is.
        id: of the policy, below the role.
        actions: without wildcards.
        because: why resources with a wildcard cannot be named one by one.
        conditions: of the statement. Default: none.
    """

    def __init__(
        self,
        role: iam.IRole,
        id: str,
        actions: Sequence[str],
        *,
        because: str = "",
        conditions: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self._role = role
        self._id = id
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
            # Every role is a construct; its interface does not say so.
            iam.Policy(cast(Construct, self._role), self._id, statements=[self._statement], roles=[self._role])
        else:
            self._statement.add_resources(*new)
        acknowledge_wildcards(self._role, {resource: self._because for resource in new if "*" in resource})
