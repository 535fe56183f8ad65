"""What an operation of the local SageMaker has at hand: tables, events, other services, background threads.

State is plain JSON-able records (timestamps are epoch seconds), kept by account and region in named tables; whatever
cannot be written down (processes, threads) lives in components and is made again by ``Component.restored``.
"""

from __future__ import annotations

import contextvars
import json
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

__all__ = ["Component", "Context", "Emulator", "Record", "SageMaker", "Table"]

log = logging.getLogger("modelyard.local.sagemaker")

Record = dict[str, Any]
Table = dict[str, Record]


class Emulator(Protocol):
    """What the local SageMaker needs of the process that it is served by."""

    def register_service(
        self,
        name: str,
        *,
        target_prefixes: list[str],
        host_patterns: list[str],
        path_patterns: list[str],
        credential_scope: str,
        handler: Callable[..., Any],
    ) -> None: ...

    def register_resource_type(
        self,
        type_name: str,
        *,
        create: Callable[..., Any],
        update: Callable[..., Any],
        delete: Callable[..., Any],
        tags_property: str | None = None,
    ) -> None: ...

    def register_event_target(self, service: str, deliver: Callable[[str, dict[str, Any]], None]) -> None: ...

    def put_events(self, account: str, region: str, entries: list[dict[str, Any]]) -> None: ...

    def client(self, service: str, account: str, region: str) -> Any: ...

    def client_as(self, role_arn: str, session_name: str, service: str, region: str) -> Any: ...

    def session_credentials(self, role_arn: str, session_name: str) -> dict[str, str]: ...

    def account_and_region(self) -> tuple[str, str]: ...

    def request_snapshot(self) -> None: ...

    @property
    def endpoint_url(self) -> str: ...


class Component(Protocol):
    """A part with a life of its own: jobs, executions, endpoint processes."""

    def restored(self) -> None:
        """Take up what the restored state says was there: start again, or mark as interrupted."""

    def close(self) -> None:
        """End every thread and process."""


class SageMaker:
    """The state of the local SageMaker and its way to the rest of the local AWS."""

    def __init__(self, emulator: Emulator, state_dir: Path, clock: Callable[[], float] = time.time) -> None:
        self.emulator = emulator
        self.state_dir = state_dir
        self.clock = clock
        # Held by every operation while it runs, so operations must not wait for another AWS call with side effects.
        self.lock = threading.RLock()
        self.components: dict[str, Any] = {}
        self._tables: dict[tuple[str, str], dict[str, Table]] = {}
        self._events: queue.Queue[tuple[str, str, dict[str, Any]] | None] = queue.Queue()
        self._emitter = threading.Thread(target=self._emit_in_order, name="sagemaker-events", daemon=True)
        self._emitter.start()

    def context(self, account: str, region: str) -> Context:
        return Context(self, account, region)

    def contexts(self) -> list[Context]:
        """One context for each account and region that holds anything."""
        return [Context(self, account, region) for account, region in sorted(self._tables)]

    def tables(self, account: str, region: str) -> dict[str, Table]:
        return self._tables.setdefault((account, region), {})

    def state(self) -> dict[str, dict[str, Table]]:
        """Everything to be kept, as JSON-able data that shares nothing with the live tables."""
        with self.lock:
            kept = {f"{account}/{region}": tables for (account, region), tables in self._tables.items()}
            return json.loads(json.dumps(kept))  # type: ignore[no-any-return]

    def restore(self, state: dict[str, dict[str, Table]]) -> None:
        """Take up a kept state and let each component make its processes again."""
        with self.lock:
            for key, tables in state.items():
                account, region = key.split("/")
                self._tables[account, region] = tables
        for component in self.components.values():
            component.restored()

    def reset(self) -> None:
        """Forget everything; the components must have been closed before."""
        with self.lock:
            self._tables.clear()

    def close(self) -> None:
        """End every component, then the events under way."""
        for component in reversed(list(self.components.values())):
            component.close()
        self._events.put(None)
        self._emitter.join(timeout=5)

    def enqueue_event(self, account: str, region: str, entry: dict[str, Any]) -> None:
        self._events.put((account, region, entry))

    def _emit_in_order(self) -> None:
        while (item := self._events.get()) is not None:
            account, region, entry = item
            try:
                self.emulator.put_events(account, region, [entry])
            except Exception:
                log.exception("event %s was not delivered", entry["DetailType"])


@dataclass(frozen=True)
class Context:
    """One account and region of the local SageMaker."""

    service: SageMaker
    account: str
    region: str

    def table(self, name: str) -> Table:
        """The table ``name``: key to record. Keys of a record that begin with ``_`` are never answered to a client."""
        return self.service.tables(self.account, self.region).setdefault(name, {})

    def arn(self, resource: str) -> str:
        """The ARN of ``resource`` (``"endpoint/abalone"``) here."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:{resource}"

    def now(self) -> float:
        """Epoch seconds."""
        return self.service.clock()

    def client(self, name: str) -> Any:
        """A boto3 client of the local AWS in this account and region. Not to be called from an operation's thread."""
        return self.service.emulator.client(name, self.account, self.region)

    def client_as(self, role_arn: str, name: str) -> Any:
        """The same with the credentials of a job's or a model's role; without a role, those of the server."""
        if not role_arn:
            return self.client(name)
        return self.service.emulator.client_as(role_arn, "SageMaker", name, self.region)

    def emit(self, detail_type: str, detail: dict[str, Any], resources: list[str]) -> None:
        """Put an ``aws.sagemaker`` event on the default bus, after what was emitted before, without waiting."""
        entry = {
            "Source": "aws.sagemaker",
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
            "Resources": resources,
        }
        self.service.enqueue_event(self.account, self.region, entry)

    def snapshot(self) -> None:
        """Ask that what is known now be kept across a crash."""
        self.service.emulator.request_snapshot()

    def spawn(self, name: str, function: Callable[..., None], *args: Any) -> threading.Thread:
        """Run ``function`` on a daemon thread of its own, with the request's account and region."""
        copied = contextvars.copy_context()
        thread = threading.Thread(target=copied.run, args=(function, *args), name=name, daemon=True)
        thread.start()
        return thread

    def component(self, name: str) -> Any:
        return self.service.components[name]
