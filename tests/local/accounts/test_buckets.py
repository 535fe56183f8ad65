"""Buckets of other accounts: their names are global, and their policies say who may use them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.accounts.session import OTHER, assume, client, keys_of, trust
from tests.local.sagemaker.lab import unique
from tests.local_aws import LocalAws


@pytest.fixture
def bucket(local_aws: LocalAws) -> str:
    """A bucket of the instance's account, with one object."""
    name, s3 = unique("shared"), local_aws.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": local_aws.region})
    s3.put_object(Bucket=name, Key="a", Body=b"1")
    return name


@pytest.fixture(scope="module")
def roles(local_aws: LocalAws) -> dict[str, str]:
    """ARNs of two roles of the other account."""
    iam = client(local_aws, "iam", keys_of(local_aws, OTHER))
    document = json.dumps(trust({"AWS": local_aws.account}))
    return {
        name: iam.create_role(RoleName=unique(name), AssumeRolePolicyDocument=document)["Role"]["Arn"]
        for name in ("deploy", "other")
    }


def policy(bucket: str, principal: str, action: str = "s3:GetObject", effect: str = "Allow", **more: Any) -> Any:
    return {"Effect": effect, "Principal": {"AWS": principal}, "Action": action,
            "Resource": f"arn:aws:s3:::{bucket}/*", **more}  # fmt: skip


def put_policy(aws: LocalAws, bucket: str, *statements: Any) -> None:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))


def test_a_name_is_taken_in_every_account(local_aws: LocalAws, bucket: str) -> None:
    s3 = client(local_aws, "s3", keys_of(local_aws, OTHER))
    with pytest.raises(ClientError, match="BucketAlreadyExists"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": local_aws.region})
    assert bucket not in {found["Name"] for found in s3.list_buckets()["Buckets"]}


def test_a_bucket_without_a_policy_is_closed_to_other_accounts(
    local_aws: LocalAws, bucket: str, roles: dict[str, str]
) -> None:
    s3 = client(local_aws, "s3", assume(local_aws, roles["deploy"]))
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.get_object(Bucket=bucket, Key="a")


@pytest.mark.parametrize("by", ["principal", "condition", "account"])
def test_a_policy_opens_it_to_a_role(local_aws: LocalAws, bucket: str, roles: dict[str, str], by: str) -> None:
    statement = {
        "principal": policy(bucket, roles["deploy"]),
        "condition": policy(bucket, "*", Condition={"ArnLike": {"aws:PrincipalArn": roles["deploy"]}}),
        "account": policy(bucket, f"arn:aws:iam::{OTHER}:root"),
    }[by]
    denied = policy(bucket, roles["other"], effect="Deny")
    put_policy(local_aws, bucket, statement, *([denied] if by == "account" else []))
    allowed, refused = (client(local_aws, "s3", assume(local_aws, roles[name])) for name in ("deploy", "other"))
    assert allowed.get_object(Bucket=bucket, Key="a")["Body"].read() == b"1"
    with pytest.raises(ClientError, match="AccessDenied"):
        refused.get_object(Bucket=bucket, Key="a")
    with pytest.raises(ClientError, match="AccessDenied"):
        allowed.put_object(Bucket=bucket, Key="b", Body=b"2")


def test_a_policy_that_asks_for_tls_refuses_nobody(local_aws: LocalAws, bucket: str, roles: dict[str, str]) -> None:
    plain = policy(bucket, "*", "s3:*", "Deny", Condition={"Bool": {"aws:SecureTransport": "false"}})
    old = policy(bucket, "*", "s3:*", "Deny", Condition={"NumericLessThan": {"s3:TlsVersion": 1.2}})
    put_policy(local_aws, bucket, policy(bucket, roles["deploy"]), plain, old)
    allowed = client(local_aws, "s3", assume(local_aws, roles["deploy"]))
    assert allowed.get_object(Bucket=bucket, Key="a")["Body"].read() == b"1"


def test_a_template_may_lie_in_the_bucket_of_another_account(
    local_aws: LocalAws, bucket: str, roles: dict[str, str]
) -> None:
    template = {"Resources": {"P": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "v"}}}}
    local_aws.client("s3").put_object(Bucket=bucket, Key="t.json", Body=json.dumps(template).encode())
    put_policy(local_aws, bucket, policy(bucket, roles["deploy"]))
    url = f"https://s3.{local_aws.region}.amazonaws.com/{bucket}/t.json"
    allowed, refused = (
        client(local_aws, "cloudformation", assume(local_aws, roles[name])) for name in ("deploy", "other")
    )
    stack = unique("stack")
    with pytest.raises(ClientError, match="ValidationError"):
        refused.create_stack(StackName=stack, TemplateURL=url)
    id = allowed.create_stack(StackName=stack, TemplateURL=url)["StackId"]
    assert id.split(":")[4] == OTHER
    allowed.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    assert not [s for s in local_aws.client("cloudformation").describe_stacks()["Stacks"] if s["StackName"] == stack]
