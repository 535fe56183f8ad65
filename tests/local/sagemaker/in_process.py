"""The local SageMaker without a server: its operations called directly, its events kept in a list."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from modelyard.local.sagemaker import protocol
from modelyard.local.sagemaker.context import Context, SageMaker
from modelyard.local.sagemaker.errors import SageMakerError

ACCOUNT, REGION = "111122223333", "eu-west-1"


class RecordingEmulator:
    """Keeps what the local SageMaker hands to the local AWS; has no other service."""

    endpoint_url = "http://127.0.0.1:1"

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.snapshots = 0
        self.resource_types: dict[str, dict[str, Callable[..., Any]]] = {}
        self._arrived = threading.Condition()

    def register_service(self, name: str, **how: Any) -> None: ...

    def register_resource_type(
        self, type_name: str, *, tags_property: str | None = None, **handlers: Callable[..., Any]
    ) -> None:
        self.resource_types[type_name] = handlers

    def register_event_target(self, service: str, deliver: Callable[[str, dict[str, Any]], None]) -> None: ...

    def put_events(self, account: str, region: str, entries: list[dict[str, Any]]) -> None:
        with self._arrived:
            self.events.extend(entries)
            self._arrived.notify_all()

    def wait_for_events(self, count: int) -> list[dict[str, Any]]:
        """All events so far, of which there must be ``count`` within ten seconds."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.events) >= count, timeout=10), self.events
            return list(self.events)

    def client(self, service: str, account: str, region: str) -> Any:
        raise AssertionError(f"no {service} here")

    def client_as(self, role_arn: str, session_name: str, service: str, region: str) -> Any:
        raise AssertionError(f"no {service} here")

    def session_credentials(self, role_arn: str, session_name: str) -> dict[str, str]:
        return {}

    def account_and_region(self) -> tuple[str, str]:
        return ACCOUNT, REGION

    def request_snapshot(self) -> None:
        self.snapshots += 1


class LocalSageMaker:
    """One account and region of a local SageMaker, with a clock that goes on a second at each reading."""

    def __init__(self, state_dir: Path) -> None:
        self.emulator = RecordingEmulator()
        self.now = 1_800_000_000.0
        self.service = SageMaker(self.emulator, state_dir, clock=self._tick)
        self.context: Context = self.service.context(ACCOUNT, REGION)

    def _tick(self) -> float:
        self.now += 1
        return self.now

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        return protocol.call(self.context, operation, request)

    def error(self, operation: str, **request: Any) -> str:
        """The error that the call answers, as ``Code: message``."""
        try:
            answer = self.call(operation, **request)
        except SageMakerError as error:
            return f"{error.code}: {error.message}"
        raise AssertionError(f"{operation} answered {answer}")

    def close(self) -> None:
        self.service.close()
