"""The evaluator of policies judges as IAM does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.policies.evaluator import allowed, allowed_with_resource_policy, may_assume

ROLE, OTHER = "arn:aws:iam::111122223333:role/path/worker", "arn:aws:iam::111122223333:role/other"
BUCKET = "arn:aws:s3:::data"


def policy(effect: str = "Allow", **statement: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": effect, **statement}]}


@pytest.mark.parametrize(
    ("statement", "action", "resource", "may"),
    [
        ({"Action": "s3:GetObject", "Resource": f"{BUCKET}/*"}, "s3:GetObject", f"{BUCKET}/a/b", True),
        ({"Action": "s3:GetObject", "Resource": f"{BUCKET}/*"}, "s3:GetObject", BUCKET, False),
        ({"Action": "s3:GetObject", "Resource": f"{BUCKET}/*"}, "s3:GetObject", f"{BUCKET}-2/a", False),
        ({"Action": "s3:GetObject", "Resource": f"{BUCKET}/*"}, "s3:PutObject", f"{BUCKET}/a", False),
        ({"Action": ["s3:Get*", "s3:List?ucket"], "Resource": "*"}, "s3:ListBucket", BUCKET, True),
        ({"Action": "S3:getobject", "Resource": "*"}, "s3:GetObject", f"{BUCKET}/a", True),
        ({"Action": "s3:GetObject", "Resource": f"{BUCKET}/A"}, "s3:GetObject", f"{BUCKET}/a", False),
        ({"NotAction": "iam:*", "Resource": "*"}, "s3:GetObject", f"{BUCKET}/a", True),
        ({"NotAction": "iam:*", "Resource": "*"}, "iam:PassRole", ROLE, False),
        ({"Action": "*", "NotResource": f"{BUCKET}/secret/*"}, "s3:GetObject", f"{BUCKET}/secret/a", False),
    ],
)
def test_actions_and_resources(statement: dict[str, Any], action: str, resource: str, may: bool) -> None:
    assert allowed([policy(**statement)], action, resource) is may


def test_nothing_is_allowed_that_no_policy_allows_and_a_denial_wins() -> None:
    everything = policy(Action="*", Resource="*")
    assert not allowed([], "s3:GetObject", BUCKET)
    assert allowed([everything], "s3:GetObject", BUCKET)
    assert not allowed([everything, policy("Deny", Action="s3:*", Resource=BUCKET)], "s3:GetObject", BUCKET)


@pytest.mark.parametrize(
    ("condition", "context", "may"),
    [
        ({"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}, "sagemaker.amazonaws.com", True),
        ({"StringEquals": {"iam:PassedToService": ["a", "sagemaker.amazonaws.com"]}}, "lambda.amazonaws.com", False),
        ({"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}, None, False),
        ({"StringEqualsIfExists": {"iam:PassedToService": "sagemaker.amazonaws.com"}}, None, True),
        ({"StringNotEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}, "sagemaker.amazonaws.com", True),
        ({"StringLike": {"iam:PassedToService": "sage*"}}, "sagemaker.amazonaws.com", True),
        ({"StringLike": {"iam:PassedToService": "lambda*"}}, "sagemaker.amazonaws.com", False),
        ({"Null": {"iam:PassedToService": "true"}}, "sagemaker.amazonaws.com", False),
        ({"ArnEquals": {"aws:PrincipalArn": ROLE}}, None, True),
        ({"ArnEquals": {"aws:PrincipalArn": OTHER}}, None, False),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/path/*"}}, None, True),
        ({"Bool": {"aws:SecureTransport": "false"}}, None, False),
        ({"Bool": {"aws:SecureTransport": "true"}}, None, True),
    ],
)
def test_conditions(condition: dict[str, Any], context: str | None, may: bool) -> None:
    keys = {"aws:PrincipalArn": ROLE, **({"iam:PassedToService": context} if context else {})}
    document = policy(Action="iam:PassRole", Resource="*", Condition=condition)
    assert allowed([document], "iam:PassRole", ROLE, keys) is may


@pytest.mark.parametrize(("owner", "may"), [("222222222222", True), ("111122223333", False), (None, False)])
def test_the_account_of_a_bucket(owner: str | None, may: bool) -> None:
    elsewhere = {"StringNotEquals": {"s3:ResourceAccount": "111122223333"}}
    document = policy(Action="s3:GetObject", Resource="*", Condition=elsewhere)
    keys = {"aws:PrincipalArn": ROLE, **({"aws:ResourceAccount": owner} if owner else {})}
    assert allowed([document], "s3:GetObject", f"{BUCKET}/a", keys) is may


@pytest.mark.parametrize(
    ("operator", "given", "may"),
    [
        ("ForAllValues:StringEquals", ["a", "b"], True),
        ("ForAllValues:StringEquals", ["a", "c"], False),
        ("ForAllValues:StringEquals", None, True),
        ("ForAnyValue:StringEquals", ["c", "b"], True),
        ("ForAnyValue:StringEquals", ["c"], False),
        ("ForAnyValue:StringEquals", None, False),
        ("ForAnyValue:StringLike", ["apple"], False),
    ],
)
def test_conditions_on_several_values(operator: str, given: list[str] | None, may: bool) -> None:
    document = policy(Action="*", Resource="*", Condition={operator: {"kms:EncryptionContextKeys": ["a", "b"]}})
    keys = {"kms:EncryptionContextKeys": given} if given is not None else {}
    assert allowed([document], "kms:Decrypt", "*", keys) is may


IDENTITY = policy(Action="s3:GetObject", Resource=f"{BUCKET}/*")


def bucket_policy(principal: Any, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return policy(effect, Principal=principal, Action="s3:GetObject", Resource=f"{BUCKET}/*", **more)


@pytest.mark.parametrize(
    ("identity", "resource", "owner", "may"),
    [
        ([IDENTITY], None, "111122223333", True),
        ([], bucket_policy({"AWS": ROLE}), "111122223333", True),
        ([], bucket_policy({"AWS": "arn:aws:iam::111122223333:root"}), "111122223333", False),
        ([IDENTITY], None, "222222222222", False),
        ([], bucket_policy({"AWS": ROLE}), "222222222222", False),
        ([IDENTITY], bucket_policy({"AWS": ROLE}), "222222222222", True),
        ([IDENTITY], bucket_policy({"AWS": OTHER}), "222222222222", False),
        ([IDENTITY], bucket_policy({"AWS": "111122223333"}), "222222222222", True),
        ([IDENTITY], bucket_policy("*", Condition={"ArnLike": {"aws:PrincipalArn": ROLE}}), "222222222222", True),
        ([IDENTITY], bucket_policy("*", Condition={"ArnLike": {"aws:PrincipalArn": OTHER}}), "222222222222", False),
        ([IDENTITY], bucket_policy({"AWS": ROLE}, "Deny"), "111122223333", False),
        ([IDENTITY], bucket_policy({"Service": "s3.amazonaws.com"}), "222222222222", False),
    ],
)
def test_policies_of_buckets(identity: list[Any], resource: Any, owner: str, may: bool) -> None:
    answer = allowed_with_resource_policy(identity, resource, ROLE, "s3:GetObject", f"{BUCKET}/a", owner=owner)
    assert answer is may


@pytest.mark.parametrize(
    ("identity", "principal", "owner", "may"),
    [
        (True, "arn:aws:iam::111122223333:root", "111122223333", True),
        (False, "arn:aws:iam::111122223333:root", "111122223333", False),
        (True, OTHER, "111122223333", False),
        (False, ROLE, "111122223333", True),
        (True, ROLE, "222222222222", True),
        (False, ROLE, "222222222222", False),
    ],
)
def test_policies_of_keys(identity: bool, principal: str, owner: str, may: bool) -> None:
    key = f"arn:aws:kms:eu-west-1:{owner}:key/k"
    own = [policy(Action="kms:Decrypt", Resource=key)] if identity else []
    document = policy(Principal={"AWS": principal}, Action="kms:*", Resource="*")
    assert allowed_with_resource_policy(own, document, ROLE, "kms:Decrypt", key, owner=owner, key=True) is may


@pytest.mark.parametrize(
    ("principal", "condition", "who", "may"),
    [
        ({"AWS": ROLE}, {}, ROLE, True),
        ({"AWS": ROLE}, {}, OTHER, False),
        ({"AWS": "111122223333"}, {}, OTHER, True),
        ({"AWS": "111122223333"}, {"ArnEquals": {"aws:PrincipalArn": ROLE}}, OTHER, False),
        ({"AWS": "222222222222"}, {}, ROLE, False),
        ({"Service": "lambda.amazonaws.com"}, {}, "lambda.amazonaws.com", True),
        ({"Service": "lambda.amazonaws.com"}, {}, "sagemaker.amazonaws.com", False),
        ({"Service": "lambda.amazonaws.com"}, {}, "arn:aws:iam::111122223333:root", False),
        (
            {"Service": "lambda.amazonaws.com"},
            {"StringEquals": {"aws:SourceArn": "1"}},
            "lambda.amazonaws.com",
            False,
        ),
    ],
)
def test_trust_policies(principal: Any, condition: dict[str, Any], who: str, may: bool) -> None:
    document = policy(Principal=principal, Action="sts:AssumeRole", Condition=condition)
    assert may_assume(document, who) is may
