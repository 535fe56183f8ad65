"""Clients in a stage, by the role that the stage has for what a function does there.

The function's role needs `sts:AssumeRole` on exactly these roles.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3

__all__ = ["StageAccess"]


@dataclass(frozen=True)
class StageAccess:
    """A stage, and clients of its services that are made by `client(service)`.

    Who has the credentials already, as a person on the command line, makes one with a `client` of its own.
    """

    name: str
    account: str
    region: str
    client: Callable[[str], Any] = field(compare=False)

    @staticmethod
    def by_role(stage: Mapping[str, str], role: str, *, policy: str | None = None) -> StageAccess:
        """A stage of a job's parameters (`name`, `account`, `region`), by a role's name with `{stage}` in it.

        The role is assumed once, when a client is first asked for. With a `policy`, no more is left of it than that
        allows.
        """
        clients: dict[str, Any] = {}
        session: list[Any] = []

        def client(service: str) -> Any:
            if not session:
                session.append(_assume(stage, role.format(stage=stage["name"]), policy))
            if service not in clients:
                clients[service] = session[0].client(service)
            return clients[service]

        return StageAccess(stage["name"], stage["account"], stage["region"], client)


def _assume(stage: Mapping[str, str], role: str, policy: str | None) -> Any:
    sts = boto3.client("sts")
    arn = f"arn:{os.environ.get('PARTITION', 'aws')}:iam::{stage['account']}:role/{role}"
    name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "delivery")
    narrowed = {"Policy": policy} if policy else {}
    keys = sts.assume_role(RoleArn=arn, RoleSessionName=name, **narrowed)["Credentials"]
    return boto3.Session(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        region_name=stage["region"],
    )
