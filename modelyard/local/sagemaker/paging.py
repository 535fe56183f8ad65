"""The filters, the order and the pages that SageMaker's List operations share."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from modelyard.local.sagemaker.context import Record
from modelyard.local.sagemaker.errors import ValidationException

__all__ = ["listed"]

Test = Callable[[Record, Any], bool]


def listed(
    request: dict[str, Any],
    records: Iterable[Record],
    *,
    answer: str,
    name: str,
    filters: Mapping[str, Test] | None = None,
    sort_fields: Mapping[str, str] | None = None,
    default_sort: str = "CreationTime",
    default_order: str = "Descending",
    page_size: int = 100,
) -> dict[str, Any]:
    """The page of ``records`` that ``request`` asks for, under the key ``answer``.

    ``name`` is the record's member that NameContains looks at and that breaks ties; CreationTimeBefore/After,
    LastModifiedTimeBefore/After and StatusEquals-like filters of the operation's own come in ``filters`` (request
    member to test). ``sort_fields`` maps values of SortBy to members where they differ.
    """
    tests: dict[str, Test] = {**_common(name), **(filters or {})}
    kept = [
        record
        for record in records
        if all(test(record, request[member]) for member, test in tests.items() if member in request)
    ]
    chosen = request.get("SortBy") or default_sort
    field = {"Name": name, **(sort_fields or {})}.get(chosen, chosen)
    kept.sort(
        key=lambda record: (record.get(field) if record.get(field) is not None else 0, str(record.get(name))),
        reverse=(request.get("SortOrder") or default_order) == "Descending",
    )
    return _page(request, kept, answer, page_size)


def _common(name: str) -> dict[str, Test]:
    return {
        "NameContains": lambda record, text: text.lower() in str(record[name]).lower(),
        "CreationTimeAfter": lambda record, time: record["CreationTime"] > time,
        "CreationTimeBefore": lambda record, time: record["CreationTime"] < time,
        "LastModifiedTimeAfter": lambda record, time: record["LastModifiedTime"] > time,
        "LastModifiedTimeBefore": lambda record, time: record["LastModifiedTime"] < time,
    }


def _page(request: dict[str, Any], records: list[Record], answer: str, page_size: int) -> dict[str, Any]:
    start = _position(request["NextToken"]) if request.get("NextToken") else 0
    size = request.get("MaxResults") or page_size
    page: dict[str, Any] = {answer: records[start : start + size]}
    if start + size < len(records):
        page["NextToken"] = base64.urlsafe_b64encode(json.dumps([start + size]).encode()).decode().rstrip("=")
    return page


def _position(token: str) -> int:
    try:
        (position,) = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        return int(position)
    except (ValueError, TypeError):
        raise ValidationException(f"Invalid NextToken '{token}'") from None
