"""AWS clients with the credentials of roles, for what actions do."""

from __future__ import annotations

import threading
from typing import Any

import boto3
from botocore.config import Config

from modelyard.local.sagemaker.context import Emulator

__all__ = ["SESSION", "Clients"]

SESSION = "CodePipeline"
"""The session's name of what CodePipeline does in a role."""


class Clients:
    """Makes clients of the local AWS, each once."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._session: boto3.Session | None = None
        self._made: dict[tuple[str, str, str], Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str, role_arn: str, region: str) -> Any:
        """A boto3 client of ``service`` in the account of the role ``role_arn``, as that role."""
        key = (service, role_arn, region)
        with self._lock:
            if key not in self._made:
                self._session = self._session or boto3.Session()
                keys = self._emulator.session_credentials(role_arn, SESSION)
                self._made[key] = self._session.client(
                    service,
                    region_name=region,
                    endpoint_url=self._emulator.endpoint_url,
                    aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
                    aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
                    aws_session_token=keys["AWS_SESSION_TOKEN"],
                    config=Config(retries={"total_max_attempts": 2}, s3={"addressing_style": "path"}),
                )
            return self._made[key]
