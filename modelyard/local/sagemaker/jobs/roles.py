"""The roles of jobs and builds, which must exist and trust the service that assumes them."""

from __future__ import annotations

import json
import time
import urllib.parse

from botocore.exceptions import ClientError

from modelyard.local.sagemaker.context import Context

__all__ = ["RoleRefused", "Roles"]

_TRUSTED_SECONDS = 30.0


class RoleRefused(Exception):
    """A role that the service cannot assume, in SageMaker's words."""


class Roles:
    """Looks roles up in IAM for the service ``principal``.

    What it has seen counts for half a minute, since IAM on AWS is no faster.
    """

    def __init__(self, principal: str = "sagemaker.amazonaws.com") -> None:
        self._principal = principal
        self._trusted: dict[str, float] = {}

    def require(self, context: Context, arn: str) -> None:
        """Raise ``RoleRefused`` unless the role ``arn`` exists and trusts the principal."""
        if self._trusted.get(arn, 0.0) > time.monotonic():
            return
        if not _trusts(context, arn, self._principal):
            raise RoleRefused(
                f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
                f"'{self._principal}' to assume the role."
            )
        self._trusted[arn] = time.monotonic() + _TRUSTED_SECONDS


def _trusts(context: Context, arn: str, principal: str) -> bool:
    try:
        role = context.client("iam").get_role(RoleName=arn.rpartition("/")[2])["Role"]
    except ClientError:
        return False
    policy = role["AssumeRolePolicyDocument"]
    return principal in (urllib.parse.unquote(policy) if isinstance(policy, str) else json.dumps(policy))
