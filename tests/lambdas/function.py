"""What surrounds a handler on Lambda."""

from __future__ import annotations

import boto3
import pytest

from tests.local_aws import LocalAws

__all__ = ["Context", "deploy"]


class Context:
    """What Lambda gives a handler, as far as it is read."""

    def __init__(self, milliseconds: int = 900_000) -> None:
        self._left = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._left


def deploy(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the environment be one in which a handler's own clients reach the local AWS."""
    for name, value in aws.env.items():
        monkeypatch.setenv(name, value)
    # boto3 keeps the credentials of the first environment that it saw.
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
