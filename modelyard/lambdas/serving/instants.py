"""Moments as text: UTC, ISO 8601 with milliseconds, so that they sort as strings and read well in the ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

_LATEST_SECONDS = 1e11  # as seconds the year 5138; any greater number counts milliseconds


def instant(value: Any) -> str:
    """`value` as `2026-11-22T18:31:56.123Z`.

    Takes what AWS puts into answers and events: datetimes, ISO 8601 text, and epoch seconds or milliseconds as
    numbers or digits (endpoint events carry milliseconds). Anything else is a ValueError that shows the value.
    """
    return _utc(value).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def whole_second(value: Any) -> str:
    """`value` without its fraction, `2026-11-22T18:31:56Z`: events carry seconds where descriptions carry more."""
    return _utc(value).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_between(earlier: str, later: str) -> float:
    """Seconds from `earlier` to `later`; negative when they are the other way round."""
    return (_utc(later) - _utc(earlier)).total_seconds()


def _utc(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    text = str(value)
    try:
        number = float(text)
    except ValueError:
        return _from_iso(text)
    return datetime.fromtimestamp(number / 1000 if number > _LATEST_SECONDS else number, UTC)


def _from_iso(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"not a time: {text!r}; expected ISO 8601 or a number since the epoch") from None
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
