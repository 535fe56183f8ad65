"""Which roles may be assumed, of the same and of other accounts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.accounts.session import OTHER, assume, client, keys_of, trust
from tests.local.sagemaker.lab import unique
from tests.local_aws import LocalAws


def role(aws: LocalAws, account: str, document: dict[str, Any], path: str = "/") -> str:
    iam = client(aws, "iam", keys_of(aws, account))
    made = iam.create_role(RoleName=unique("role"), Path=path, AssumeRolePolicyDocument=json.dumps(document))
    return str(made["Role"]["Arn"])


def whoami(aws: LocalAws, keys: dict[str, str]) -> str:
    return str(client(aws, "sts", keys).get_caller_identity()["Arn"])


def test_the_instances_key_may_be_an_administrator_of_any_account(local_aws: LocalAws) -> None:
    keys = keys_of(local_aws, OTHER)
    assert whoami(local_aws, keys) == f"arn:aws:sts::{OTHER}:assumed-role/OrganizationAccountAccessRole/test"
    printed = local_aws.run(
        "aws", "sts", "assume-role", "--role-session-name", "cli", "--query", "AssumedRoleUser.Arn", "--role-arn",
        "arn:aws:iam::333333333333:role/OrganizationAccountAccessRole", "--output", "text",
    ).stdout  # fmt: skip
    assert printed.strip() == "arn:aws:sts::333333333333:assumed-role/OrganizationAccountAccessRole/cli"
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(local_aws, "arn:aws:iam::333333333333:role/OrganizationAccountAccessRole", keys)


def test_a_role_that_does_not_exist_cannot_be_assumed(local_aws: LocalAws) -> None:
    arn = f"arn:aws:iam::{OTHER}:role/{unique('none')}"
    with pytest.raises(ClientError) as caught:
        assume(local_aws, arn)
    assert caught.value.response["Error"] == {
        "Type": "Sender",
        "Code": "AccessDenied",
        "Message": f"User: arn:aws:iam::{local_aws.account}:root is not authorized to perform: sts:AssumeRole "
        f"on resource: {arn}",
    }
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_path_is_part_of_the_role(local_aws: LocalAws) -> None:
    arn = role(local_aws, OTHER, trust({"AWS": local_aws.account}), path="/deploy/")
    assert arn.count("/deploy/") == 1
    assert "assumed-role" in whoami(local_aws, assume(local_aws, arn))
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(local_aws, arn.replace("/deploy/", "/"))


@pytest.mark.parametrize(
    ("principal", "condition", "given", "may"),
    [
        ({"AWS": "{mine}"}, {}, {}, True),
        ({"AWS": ["arn:aws:iam::{mine}:root"]}, {}, {}, True),
        ({"AWS": "arn:aws:iam::{mine}:role/{name}"}, {}, {}, True),
        ({"AWS": "arn:aws:iam::{mine}:role/another"}, {}, {}, False),
        ({"AWS": "arn:aws:iam::{other}:root"}, {}, {}, False),
        ({"Service": "lambda.amazonaws.com"}, {}, {}, False),
        ({"AWS": "{mine}"}, {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::{mine}:role/{name}"}}, {}, True),
        ({"AWS": "{mine}"}, {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::{mine}:role/another"}}, {}, False),
        ({"AWS": "*"}, {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::{mine}:role/*"}}, {}, True),
        ({"AWS": "{mine}"}, {"StringEquals": {"aws:PrincipalArn": "arn:aws:iam::{mine}:role/another"}}, {}, False),
        ({"AWS": "{mine}"}, {"StringEquals": {"sts:ExternalId": "secret"}}, {"ExternalId": "secret"}, True),
        ({"AWS": "{mine}"}, {"StringEquals": {"sts:ExternalId": "secret"}}, {"ExternalId": "wrong"}, False),
        ({"AWS": "{mine}"}, {"StringEquals": {"sts:ExternalId": "secret"}}, {}, False),
        ({"AWS": "{mine}"}, {}, {"Tags": [{"Key": "a", "Value": "b"}]}, False),
    ],
)
def test_a_trust_policy_says_who_may(
    local_aws: LocalAws, principal: dict[str, Any], condition: dict[str, Any], given: dict[str, Any], may: bool
) -> None:
    first = role(local_aws, local_aws.account, trust({"AWS": local_aws.account}))
    filled = json.dumps(trust(principal, **condition))
    for name, value in {"mine": local_aws.account, "other": OTHER, "name": first.rpartition("/")[2]}.items():
        filled = filled.replace(f"{{{name}}}", value)
    second = role(local_aws, OTHER, json.loads(filled))
    keys = assume(local_aws, first)
    if may:
        assert f":sts::{OTHER}:" in whoami(local_aws, assume(local_aws, second, keys, **given))
    else:
        with pytest.raises(ClientError, match="AccessDenied"):
            assume(local_aws, second, keys, **given)


def test_the_roots_of_accounts_are_no_services(local_aws: LocalAws) -> None:
    arn = role(local_aws, local_aws.account, trust({"Service": "sagemaker.amazonaws.com"}))
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(local_aws, arn)


def test_the_key_of_a_user_belongs_to_the_users_account(local_aws: LocalAws) -> None:
    iam = client(local_aws, "iam", keys_of(local_aws, OTHER))
    user = iam.create_user(UserName=unique("user"))["User"]
    made = iam.create_access_key(UserName=user["UserName"])["AccessKey"]
    keys = {"AWS_ACCESS_KEY_ID": made["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"]}
    assert whoami(local_aws, keys) == user["Arn"]
    assert client(local_aws, "sts", keys).get_caller_identity()["Account"] == OTHER
