"""What IAM policies allow, by ministack's evaluator, which knows AWS's operators, wildcards and explicit denials.

See https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html. Principals are the ARNs
of roles (not of their sessions), context keys are given as AWS names them. Not known: NotPrincipal, policy variables,
boundaries, session policies and service control policies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ministack.core import iam_evaluator

__all__ = ["Policy", "allowed", "allowed_with_resource_policy", "may_assume"]

Policy = Mapping[str, Any]
"""A policy document."""
Context = Mapping[str, str | list[str]]
NOBODY = "arn:aws:iam::000000000000:role/nobody"
_RESOURCE_ACCOUNT = "given:resourceaccount"
_GIVEN = {"aws:resourceaccount": _RESOURCE_ACCOUNT, "s3:resourceaccount": _RESOURCE_ACCOUNT}


def allowed(policies: Sequence[Policy], action: str, resource: str = "*", context: Context | None = None) -> bool:
    """Whether the identity policies of one principal allow it ``action`` on ``resource``.

    Args:
        policies: All its documents: a Deny in one wins over an Allow in another.
        action: As IAM names it, ``s3:GetObject``.
        resource: An ARN, or ``*`` for an action without resources.
        context: Condition keys; ``aws:PrincipalArn`` is nobody's unless given. ``aws:ResourceAccount``, where it is
            given, is that of ``s3:ResourceAccount`` too; else it is the resource's, as far as the ARN tells it.
    """
    return bool(_identity(policies, _context(action, resource, context or {})).decision == "Allow")


def allowed_with_resource_policy(
    policies: Sequence[Policy],
    resource_policy: Policy | None,
    principal: str,
    action: str,
    resource: str,
    *,
    owner: str,
    key: bool = False,
    context: Context | None = None,
) -> bool:
    """Whether ``principal`` may do ``action`` on a resource with a policy of its own: a bucket, a queue, a key.

    In the account that owns it one of both must allow it, across accounts both; a Deny wins. With ``key``, the policy
    of a KMS key, the resource policy must allow in the owner's account too, be it by naming the account's root.

    Args:
        owner: The account of the resource.
    """
    evaluated = _context(action, resource, {**(context or {}), "aws:PrincipalArn": principal})
    identity = _identity(policies, evaluated)
    document = dict(resource_policy) if resource_policy is not None else None
    decided = iam_evaluator.combine_resource_policy(identity, evaluated, document, owner, required=key)
    return bool(decided.decision == "Allow")


def may_assume(trust_policy: Policy, principal: str, context: Context | None = None) -> bool:
    """Whether a role with ``trust_policy`` may be assumed by ``principal``: a role's ARN, or a service's name."""
    if principal.endswith(".amazonaws.com"):
        return _service_may_assume(trust_policy, principal, context or {})
    evaluated = _context("sts:AssumeRole", "*", {**(context or {}), "aws:PrincipalArn": principal})
    # For ministack a root is any service.
    statements = [_without_services(statement) for statement in _statements(trust_policy)]
    return bool(iam_evaluator.evaluate_trust_policy({"Statement": statements}, principal, evaluated))


def _service_may_assume(trust_policy: Policy, service: str, context: Context) -> bool:
    evaluated = _context("sts:AssumeRole", "*", context)
    document = {"Statement": [{**statement, "Resource": "*"} for statement in _statements(trust_policy)]}
    decided = iam_evaluator.evaluate_resource_policy(document, evaluated, service=service)
    return bool(decided.decision == "Allow")


def _identity(policies: Sequence[Policy], context: iam_evaluator.EvalContext) -> iam_evaluator.EvalResult:
    given = _RESOURCE_ACCOUNT in context.service_context
    documents = [_with_given_account(policy) if given else dict(policy) for policy in policies]
    return iam_evaluator.evaluate(context, [iam_evaluator.parse_policy_document(document) for document in documents])


def _with_given_account(policy: Policy) -> dict[str, Any]:
    """For ministack the account of a resource without one in its ARN, such as a bucket, is always the caller's."""
    statements = []
    for statement in _statements(policy):
        conditions = {
            operator: {_GIVEN.get(name.lower(), name): value for name, value in keys.items()}
            for operator, keys in statement.get("Condition", {}).items()
        }
        statements.append({**statement, "Condition": conditions})
    return {"Statement": statements}


def _context(action: str, resource: str, context: Context) -> iam_evaluator.EvalContext:
    keys = {name.lower(): value for name, value in context.items()}
    if "aws:resourceaccount" in keys:
        keys[_RESOURCE_ACCOUNT] = keys["aws:resourceaccount"]
    principal = str(keys.get("aws:principalarn", NOBODY))
    return iam_evaluator.EvalContext(
        principal_arn=principal,
        principal_type="AssumedRole",
        principal_account=principal.split(":")[4],
        action=action,
        resource_arn=resource,
        region=str(keys.get("aws:requestedregion", "")),
        secure_transport=keys.get("aws:securetransport", "true") == "true",
        service_context=keys,
    )


def _statements(policy: Policy) -> list[dict[str, Any]]:
    statements = policy.get("Statement", [])
    return [statements] if isinstance(statements, dict) else list(statements)


def _without_services(statement: dict[str, Any]) -> dict[str, Any]:
    principal = statement.get("Principal")
    if not isinstance(principal, dict):
        return statement
    return {**statement, "Principal": {kind: value for kind, value in principal.items() if kind != "Service"}}
