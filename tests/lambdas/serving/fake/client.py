"""What a boto3 client is to the functions: operations, paginators, exceptions; and the clock of all services."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

_BEGIN = datetime(2026, 11, 22, 10, tzinfo=UTC)
_PAGE_LENGTH = 10  # of SageMaker and SSM
_PAGE_LENGTHS = {"query": 2000, "describe_alarms": 50, "describe_alarm_history": 50, "list_tags": 50}


class Died(BaseException):
    """A function's process ended in the middle of its work; no handler can catch it."""


class ConditionalCheckFailedException(ClientError):  # type: ignore[misc]
    """DynamoDB's."""


def error(code: str, message: str = "", status: int = 400) -> ClientError:
    """An error as a service answers it."""
    kind = ConditionalCheckFailedException if code == "ConditionalCheckFailedException" else ClientError
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return kind(answer, "operation")


@dataclass
class Clock:
    """Seconds since the history began."""

    seconds: float = 0.0

    @property
    def time(self) -> datetime:
        return _BEGIN + timedelta(seconds=round(self.seconds, 3))

    def pass_(self, seconds: float) -> None:
        self.seconds += seconds


class Pages(list[dict[str, Any]]):
    """All answers of a paginator."""

    def build_full_result(self) -> dict[str, Any]:
        (name,) = self[0]
        return {name: [item for page in self for item in page[name]]}


@dataclass
class Paginator:
    """Calls once for each page, as long as pages are unless somebody asks for another length."""

    call: Callable[..., dict[str, Any]]
    length: int

    def paginate(self, *, PaginationConfig: Any = None, **arguments: Any) -> Pages:  # noqa: N803
        ((name, items),) = self.call(**arguments).items()
        pages = Pages([{name: items[: self.length]}])
        for start in range(self.length, len(items), self.length):
            self.call(**arguments)
            pages.append({name: items[start : start + self.length]})
        return pages


@dataclass
class Wire:
    """Between clients and services: counts calls, and lets tests fail or kill before and after each."""

    clock: Clock
    calls: list[str] = field(default_factory=list)
    asked: dict[str, dict[str, Any]] = field(default_factory=dict)  # the last arguments of each operation
    before: Callable[[str], None] = field(default=lambda call: None)
    after: Callable[[str], None] = field(default=lambda call: None)

    def call(self, operation: str, function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        self.calls.append(operation)
        self.asked[operation] = arguments
        self.clock.pass_(0.01)
        self.before(operation)
        try:
            return function(**arguments)
        finally:
            self.after(operation)


class Exceptions:
    ConditionalCheckFailedException = ConditionalCheckFailedException


class Client:
    """A client of one service; an operation that the service lacks is an AttributeError."""

    exceptions = Exceptions

    def __init__(self, wire: Wire, service: object) -> None:
        self._wire, self._service = wire, service

    def get_paginator(self, operation: str) -> Paginator:
        return Paginator(getattr(self, operation), _PAGE_LENGTHS.get(operation, _PAGE_LENGTH))

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        if operation.startswith("_"):
            raise AttributeError(operation)
        function = getattr(self._service, operation)
        return lambda **arguments: self._wire.call(operation, function, arguments)
