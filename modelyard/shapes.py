"""Checks a value against a botocore shape, naming every member that does not fit.

botocore's own validator checks types and required members only; the services also check enums, patterns and
lengths. The constraints and their wording follow the AWS API's ``ValidationException`` ("Member must …"), see
https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import botocore.session

__all__ = ["Problem", "operation_input", "operation_output", "problems", "service_model"]

_NUMBERS: dict[str, type | tuple[type, ...]] = {
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
}
_TYPES: dict[str, type | tuple[type, ...]] = {
    **_NUMBERS,
    "string": str,
    "boolean": bool,
    "blob": (bytes, bytearray, str),
    "timestamp": (int, float, str, datetime),
    "list": (list, tuple),
    "map": dict,
    "structure": dict,
}


@dataclass(frozen=True)
class Problem:
    """One member that does not fit: its ``path``, the ``value`` received and the ``constraint`` it breaks."""

    path: str
    value: Any
    constraint: str

    def __str__(self) -> str:
        shown = "null" if self.value is None else f"'{self.value}'"
        return f"Value {shown} at '{self.path}' failed to satisfy constraint: {self.constraint}"


@functools.cache
def service_model(service: str) -> Any:
    """botocore's model of ``service`` (``"sagemaker"``), loaded once."""
    return botocore.session.get_session().get_service_model(service)


def operation_input(service: str, operation: str) -> Any:
    """The input shape of ``operation``; raises ``botocore.model.OperationNotFoundError`` for an unknown one."""
    return service_model(service).operation_model(operation).input_shape


def operation_output(service: str, operation: str) -> Any:
    """The output shape of ``operation``, or None where it answers nothing."""
    return service_model(service).operation_model(operation).output_shape


def problems(
    shape: Any, value: Any, *, path: str = "", opaque: Callable[[Any], bool] = lambda value: False
) -> Iterator[Problem]:
    """Yield every way in which ``value`` does not fit ``shape``.

    ``opaque(value)`` says that a value is known only later (a pipeline's ``{"Get": …}``) and is not to be checked.
    """
    if opaque(value) or getattr(shape, "is_document_type", False):
        return
    kind = shape.type_name
    if not _is_a(kind, value):
        yield Problem(path, value, f"Member must be of type {kind}")
        return
    yield from _constraints(shape, value, path)
    if kind == "structure":
        yield from _members(shape, value, path, opaque)
    elif kind == "list":
        for index, item in enumerate(value):
            yield from problems(shape.member, item, path=f"{path}[{index}]", opaque=opaque)
    elif kind == "map":
        for key, item in value.items():
            yield from problems(shape.key, key, path=f"{path}.{key}", opaque=opaque)
            yield from problems(shape.value, item, path=f"{path}.{key}", opaque=opaque)


def _is_a(kind: str, value: Any) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _members(shape: Any, value: dict[str, Any], path: str, opaque: Callable[[Any], bool]) -> Iterator[Problem]:
    def below(name: str) -> str:
        return f"{path}.{name}" if path else name

    for name in shape.required_members:
        if value.get(name) is None:
            yield Problem(below(name), None, "Member must not be null")
    for name, item in value.items():
        if name not in shape.members:
            yield Problem(below(name), item, _unknown(name, list(shape.members)))
        elif item is not None:
            yield from problems(shape.members[name], item, path=below(name), opaque=opaque)


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return "Member is not known" + (f"; did you mean '{near[0]}'?" if near else "")


def _constraints(shape: Any, value: Any, path: str) -> Iterator[Problem]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if shape.type_name in _NUMBERS:
        size, words = value, "value"
    elif shape.type_name in ("string", "list", "map"):
        size, words = len(value), "length"
    else:
        return
    if low is not None and size < low:
        yield Problem(path, value, f"Member must have {words} greater than or equal to {low}")
    if high is not None and size > high:
        yield Problem(path, value, f"Member must have {words} less than or equal to {high}")
    if shape.type_name != "string":
        return
    if shape.enum and value not in shape.enum:
        yield Problem(path, value, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
    pattern = shape.metadata.get("pattern")
    if pattern and not _matches(pattern, value):
        yield Problem(path, value, f"Member must satisfy regular expression pattern: {pattern}")


@functools.lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern, re.DOTALL)
    except re.error:  # a few models use Java's Unicode classes, which Python's engine does not have
        return None


def _matches(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or compiled.fullmatch(value) is not None
