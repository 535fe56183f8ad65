"""Recorded examples of a version: what was sent to the model when it was evaluated, and what it answered.

`examples.json` beside the evaluation, as docs/pipelines.md describes it:

    {"version": 1,
     "tolerance": {"relative": 0.001, "absolute": 0.001} or {"word_error_rate": 0.25},
     "examples": [{"name": "row 1", "content_type": "text/csv", "accept": "text/csv",
                   "body": "M,0.4,…" or "body_base64": "…", "answer": "9.3\\n"}]}
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["FILE", "MAX_BYTES", "Example", "ExamplesError", "Tolerance", "parse"]

FILE = "examples.json"
MAX_BYTES = 256 * 1024
_VERSION = 1
_NUMBERS = {"relative", "absolute"}
_TEXT = {"word_error_rate"}


class ExamplesError(Exception):
    """A file that is not of this form; the message says where."""


@dataclass(frozen=True)
class Tolerance:
    """By how much an answer may differ from the recorded one.

    Attributes:
        relative, absolute: of numbers, as `math.isclose` takes them.
        word_error_rate: of text, the largest one; None where the answers are no text.
    """

    relative: float = 0.0
    absolute: float = 0.0
    word_error_rate: float | None = None

    def __str__(self) -> str:
        if self.word_error_rate is not None:
            return f"word error rate {self.word_error_rate:g}"
        return f"relative {self.relative:g}, absolute {self.absolute:g}"

    def allows(self, expected: str, received: str, media_type: str) -> bool:
        """Whether `received` is near enough to `expected`."""
        if self.word_error_rate is not None:
            return word_error_rate(expected, received) <= self.word_error_rate
        try:
            return self._near(_values(expected, media_type), _values(received, media_type))
        except ValueError:
            return False

    def _near(self, expected: Any, received: Any) -> bool:
        if isinstance(expected, list) and isinstance(received, list):
            return len(expected) == len(received) and all(map(self._near, expected, received))
        if isinstance(expected, dict) and isinstance(received, dict):
            same = expected.keys() == received.keys()
            return same and all(self._near(value, received[name]) for name, value in expected.items())
        if _is_number(expected) and _is_number(received):
            return math.isclose(expected, received, rel_tol=self.relative, abs_tol=self.absolute)
        return bool(expected == received)


@dataclass(frozen=True)
class Example:
    """A request and the answer that was recorded."""

    name: str
    content_type: str
    accept: str
    body: bytes
    answer: str
    tolerance: Tolerance


def parse(content: bytes) -> tuple[Example, ...]:
    """The examples in a file.

    Raises:
        ExamplesError: it is not of the form that this module's text shows, or holds none.
    """
    if len(content) > MAX_BYTES:
        raise ExamplesError(f"{len(content)} bytes; at most {MAX_BYTES} are allowed")
    try:
        document = json.loads(content)
    except ValueError as error:
        raise ExamplesError(f"no JSON: {error}") from error
    if not isinstance(document, dict) or document.get("version") != _VERSION:
        found = document.get("version") if isinstance(document, dict) else document
        raise ExamplesError(f"version: received {found!r}; allowed: {_VERSION}")
    tolerance = _tolerance(document.get("tolerance"))
    listed = document.get("examples")
    if not isinstance(listed, list) or not listed:
        raise ExamplesError("examples: the list is missing or empty")
    return tuple(_example(item, f"examples[{index}]", tolerance) for index, item in enumerate(listed))


def word_error_rate(said: str, heard: str) -> float:
    """The fewest insertions, deletions and replacements of words that make `heard` into `said`, over the words said."""
    expected, received = said.split(), heard.split()
    row = list(range(len(received) + 1))
    for index, word in enumerate(expected, 1):
        before, row[0] = row[0], index
        for column, other in enumerate(received, 1):
            before, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, before + (word != other))
    return row[-1] / max(1, len(expected))


def _tolerance(given: Any) -> Tolerance:
    names = set(given) if isinstance(given, Mapping) else set()
    if not names or not (names <= _NUMBERS or names == _TEXT) or not all(map(_is_tolerance, given.values())):
        raise ExamplesError(
            f"tolerance: received {json.dumps(given)}; "
            "allowed: relative and absolute, or word_error_rate, numbers from 0"
        )
    return Tolerance(**given)


def _example(given: Any, where: str, tolerance: Tolerance) -> Example:
    if not isinstance(given, dict):
        raise ExamplesError(f"{where}: received {json.dumps(given)[:80]}; allowed: an object")
    for name in ("content_type", "accept", "answer"):
        if not isinstance(given.get(name), str):
            raise ExamplesError(f"{where}.{name}: received {json.dumps(given.get(name))[:80]}; allowed: a text")
    texts = [name for name in ("body", "body_base64") if isinstance(given.get(name), str)]
    if len(texts) != 1:
        raise ExamplesError(f"{where}: has {' and '.join(texts) or 'no body'}; allowed: either body or body_base64")
    try:
        body = (
            base64.b64decode(given["body_base64"], validate=True) if "body_base64" in texts else given["body"].encode()
        )
    except ValueError as error:
        raise ExamplesError(f"{where}.body_base64: no base64: {error}") from error
    name = str(given.get("name") or where)
    return Example(name, given["content_type"], given["accept"], body, given["answer"], tolerance)


def _values(answer: str, media_type: str) -> Any:
    """What is compared: the values of JSON, or the cells of each line."""
    if "json" in media_type:
        return json.loads(answer)
    return [[_number_or_text(cell.strip()) for cell in line.split(",")] for line in answer.strip().splitlines()]


def _number_or_text(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_tolerance(value: Any) -> bool:
    return _is_number(value) and 0 <= value < math.inf
