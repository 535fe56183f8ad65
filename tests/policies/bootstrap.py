"""The stack that `cdk bootstrap` makes in an account, from the template that the CDK's command line brings."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from ruamel.yaml import YAML

from tests.policies.deployment import Stack
from tests.synthesis import ROOT

__all__ = ["AWS_POLICIES", "bootstrapped"]

_TEMPLATE = ROOT / "node_modules" / "aws-cdk" / "lib" / "api" / "bootstrap" / "bootstrap-template.yaml"

_ANYTHING = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSCloudFormationReadOnlyAccess.html
_READ_STACKS = ["Describe*", "Detect*", "EstimateTemplateCost", "Get*", "List*", "ValidateTemplate"]
AWS_POLICIES: dict[str, dict[str, Any]] = {
    "arn:aws:iam::aws:policy/AdministratorAccess": {"Statement": _ANYTHING},
    "arn:aws:iam::aws:policy/AWSCloudFormationReadOnlyAccess": {
        "Statement": [
            {"Effect": "Allow", "Action": [f"cloudformation:{name}" for name in _READ_STACKS], "Resource": "*"}
        ]
    },
}
"""The policies of AWS's own that the roles have, but for `ReadOnlyAccess`, by which nothing deploys."""


def bootstrapped(account: str, region: str, trusted: Sequence[str] = ()) -> Stack:
    """The stack in an account that trusts `trusted` to deploy to it."""
    execution = ["arn:aws:iam::aws:policy/AdministratorAccess"] if trusted else []
    # What the command line gives for "AWS's own key", its default.
    parameters = {
        "TrustedAccounts": list(trusted),
        "CloudFormationExecutionPolicies": execution,
        "FileAssetsBucketKmsKeyId": "AWS_MANAGED_KEY",
    }
    return Stack("CDKToolkit", account, region, _template(), parameters)


@functools.cache
def _template() -> dict[str, Any]:
    template: dict[str, Any] = YAML(typ="safe").load(_TEMPLATE.read_text())
    return template
