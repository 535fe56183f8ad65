"""Clients of other accounts of a local AWS."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

from modelyard.local.accounts import ORGANIZATION_ROLE
from tests.local_aws import LocalAws

__all__ = ["OTHER", "assume", "client", "keys_of", "trust"]

OTHER = "222222222222"


def assume(aws: LocalAws, role: str, keys: dict[str, str] | None = None, **given: Any) -> dict[str, str]:
    """Credentials of ``role``, assumed with ``keys`` or the instance's, as environment variables."""
    sts = client(aws, "sts", keys) if keys is not None else aws.client("sts")
    found = sts.assume_role(RoleArn=role, RoleSessionName="test", **given)["Credentials"]
    names = {
        "AccessKeyId": "AWS_ACCESS_KEY_ID",
        "SecretAccessKey": "AWS_SECRET_ACCESS_KEY",
        "SessionToken": "AWS_SESSION_TOKEN",
    }
    return {variable: found[name] for name, variable in names.items()}


def keys_of(aws: LocalAws, account: str) -> dict[str, str]:
    """Credentials of an administrator of ``account``."""
    return assume(aws, f"arn:aws:iam::{account}:role/{ORGANIZATION_ROLE}")


def client(aws: LocalAws, service: str, keys: dict[str, str], region: str = "") -> Any:
    """A boto3 client with ``keys``."""
    session = boto3.Session(**{name.lower(): value for name, value in keys.items()})
    return session.client(service, region_name=region or aws.region, endpoint_url=aws.url, config=Config(proxies={}))


def trust(principal: dict[str, Any], **condition: Any) -> dict[str, Any]:
    """A trust policy for ``principal``."""
    more = {"Condition": condition} if condition else {}
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal, **more}
    return {"Version": "2012-10-17", "Statement": [statement]}
