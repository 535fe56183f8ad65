"""How long a cached step counts: ISO 8601 durations, with or without the leading ``P``, in any case.

See https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-caching-enabling.html.
"""

from __future__ import annotations

import re

__all__ = ["seconds"]

_DAY = 86400
_UNITS = {
    "years": 365 * _DAY,
    "months": 30 * _DAY,
    "weeks": 7 * _DAY,
    "days": _DAY,
    "hours": 3600,
    "minutes": 60,
    "seconds": 1,
}
_DURATION = re.compile(
    r"P?(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?",
    re.IGNORECASE,
)


def seconds(text: str) -> int:
    """The length of the duration ``text`` (``P30D``, ``T16m``); a year is 365 days, a month 30. ``ValueError`` else."""
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise ValueError(f"'{text}' is not an ISO 8601 duration, such as P30D or PT1H")
    return sum(int(count) * _UNITS[unit] for unit, count in match.groupdict().items() if count)
