"""Several accounts, entered by the role that AWS Organizations gives each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3

from demo.shell import Shell

__all__ = ["Accounts"]

ROLE = "OrganizationAccountAccessRole"


class Accounts:
    """Clients and command environments in the accounts of an organization, from the keys of one of them.

    Args:
        shell: whose environment holds the keys of the account `home`, the organization's own.
        home: that account.
        region: of them all.
    """

    def __init__(self, shell: Shell, home: str, region: str) -> None:
        self._shell = shell
        self._home = home
        self._region = region
        self._environments: dict[str, dict[str, str]] = {}
        self._clients: dict[tuple[str, str], Any] = {}

    def environment(self, account: str) -> Mapping[str, str]:
        """The environment in which commands work in `account`."""
        if account not in self._environments:
            self._environments[account] = self._enter(account)
        return self._environments[account]

    def client(self, account: str, service: str) -> Any:
        """A client of `service` in `account`."""
        if (account, service) not in self._clients:
            self._clients[account, service] = self._session(account).client(
                service, endpoint_url=self._shell.env["AWS_ENDPOINT_URL"]
            )
        return self._clients[account, service]

    def run(self, account: str, *words: str) -> str:
        """Show and run a command in `account`; its standard output."""
        return self._shell.inside(self.environment(account)).run(*words)

    def _session(self, account: str) -> Any:
        keys = self.environment(account)
        return boto3.Session(
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=keys.get("AWS_SESSION_TOKEN"),
            region_name=self._region,
        )

    def _enter(self, account: str) -> dict[str, str]:
        if account == self._home:
            return self._shell.env
        role = f"arn:aws:iam::{account}:role/{ROLE}"
        sts = self.client(self._home, "sts")
        keys = sts.assume_role(RoleArn=role, RoleSessionName="demo")["Credentials"]
        return {
            **self._shell.env,
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
            "CDK_DEFAULT_ACCOUNT": account,
        }
