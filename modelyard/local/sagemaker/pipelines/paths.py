"""Paths into nested values, as property references and JsonGet write them: ``a.b[0].c['x.y']``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

__all__ = ["MISSING", "parse", "walk"]

MISSING = object()

_PART = re.compile(r"\[(?:'(?P<quoted>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<index>\d+))\]|\.?(?P<name>[^.\[\]]+)")
# By these members an item of a list is addressed by name, as in Outputs['train'].
_NAMES = ("OutputName", "InputName", "ChannelName", "MetricName", "Name")

Part = str | int


def parse(path: str) -> list[Part]:
    """The parts of ``path``; raises ``ValueError`` for one that is not a path."""
    parts: list[Part] = []
    position = 0
    while position < len(path):
        match = _PART.match(path, position)
        if match is None:
            raise ValueError(f"'{path}' is not a path: it cannot be read from '{path[position:]}' on")
        text = match["quoted"] if match["quoted"] is not None else match["double"]
        parts.append(int(match["index"]) if match["index"] else text if text is not None else match["name"])
        position = match.end()
    return parts


def walk(value: Any, parts: Iterable[Part]) -> Any:
    """What ``parts`` lead to in ``value``, or ``MISSING``."""
    for part in parts:
        value = _step(value, part)
        if value is MISSING:
            return MISSING
    return value


def _step(value: Any, part: Part) -> Any:
    if isinstance(value, list):
        if isinstance(part, int):
            return value[part] if part < len(value) else MISSING
        return next((item for item in value if isinstance(item, dict) and part in map(item.get, _NAMES)), MISSING)
    if isinstance(value, dict):
        return value.get(str(part), MISSING)
    return MISSING
