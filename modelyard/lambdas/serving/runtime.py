"""What the handlers run with: names from the environment, one client a service, the clock, and structured logs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from .instants import instant
from .ledger import Ledger
from .places import Places

_CONFIG = Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=5, read_timeout=25)


@cache
def _client(service: str) -> Any:
    return boto3.client(service, config=_CONFIG)


def _now() -> str:
    return instant(datetime.now(UTC))


@dataclass(frozen=True)
class Runtime:
    """`client` gives the boto3 client of a service by name; `now` is the time as `instants.instant` writes it."""

    ledger_table: str
    declarations_path: str
    queue_url: str
    topic_arn: str = ""
    client: Callable[[str], Any] = field(default=_client)
    now: Callable[[], str] = field(default=_now)

    @property
    def ledger(self) -> Ledger:
        """The ledger of this stage."""
        return Ledger(self.client("dynamodb"), self.ledger_table)

    @property
    def places(self) -> Places:
        """Where the endpoints of this stage are declared."""
        return Places(self.client("dynamodb"), self.ledger_table)


@cache
def from_environment() -> Runtime:
    """The runtime of a deployed function; a missing variable is a KeyError that names it."""
    return Runtime(
        ledger_table=os.environ["LEDGER_TABLE"],
        declarations_path=os.environ["DECLARATIONS_PATH"],
        queue_url=os.environ["QUEUE_URL"],
        topic_arn=os.environ.get("TOPIC_ARN", ""),
    )


def log(message: str, **fields: Any) -> None:
    """Print one JSON line, which CloudWatch Logs Insights takes apart by itself."""
    print(json.dumps({"message": message, **fields}, default=str, sort_keys=False), flush=True)
