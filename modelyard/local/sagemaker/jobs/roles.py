"""The execution roles of jobs, which must exist and trust SageMaker."""

from __future__ import annotations

import json
import time
import urllib.parse

from botocore.exceptions import ClientError

from modelyard.local.sagemaker.context import Context

__all__ = ["RoleRefused", "Roles"]

_TRUSTED_SECONDS = 30.0


class RoleRefused(Exception):
    """A role that SageMaker cannot assume, in SageMaker's words."""


class Roles:
    """Looks roles up in IAM; what it has seen counts for half a minute, since IAM on AWS is no faster."""

    def __init__(self) -> None:
        self._trusted: dict[str, float] = {}

    def require(self, context: Context, arn: str) -> None:
        """Raise ``RoleRefused`` unless the role ``arn`` exists and trusts sagemaker.amazonaws.com."""
        if self._trusted.get(arn, 0.0) > time.monotonic():
            return
        if not _trusts(context, arn):
            raise RoleRefused(
                f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
                "'sagemaker.amazonaws.com' to assume the role."
            )
        self._trusted[arn] = time.monotonic() + _TRUSTED_SECONDS


def _trusts(context: Context, arn: str) -> bool:
    try:
        role = context.client("iam").get_role(RoleName=arn.rpartition("/")[2])["Role"]
    except ClientError:
        return False
    policy = role["AssumeRolePolicyDocument"]
    return "sagemaker.amazonaws.com" in (
        urllib.parse.unquote(policy) if isinstance(policy, str) else json.dumps(policy)
    )
