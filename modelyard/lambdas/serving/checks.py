"""Checks of a declaration's keys and values; an error names the key, its value and what is expected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Kinds = tuple[type, ...]

TEXT: Kinds = (str,)
NUMBER: Kinds = (int,)
OPTIONAL_TEXT: Kinds = (str, type(None))
OPTIONAL_NUMBER: Kinds = (int, type(None))


class DeclarationError(ValueError):
    """A declaration that cannot be used; the text names the key, its value and what is expected."""


def check(value: Any, keys: Mapping[str, Kinds], where: str) -> None:
    """Refuse anything but an object with these keys and kinds. What may be null may be missing."""
    if not isinstance(value, dict):
        raise DeclarationError(f"{where}: expected an object with {', '.join(keys)}; got {value!r}")
    needed = {key for key, kinds in keys.items() if type(None) not in kinds}
    unknown, missing = sorted(value.keys() - keys.keys()), sorted(needed - value.keys())
    if unknown or missing:
        raise DeclarationError(f"{where}: unknown keys {unknown}, missing keys {missing}")
    for key, item in value.items():
        kinds = keys[key]
        if not isinstance(item, kinds) or (isinstance(item, bool) and bool not in kinds):
            expected = " or ".join("null" if kind is type(None) else kind.__name__ for kind in kinds)
            raise DeclarationError(f"{where}: {key} is {item!r}; expected {expected}")


def check_range(value: float | None, low: float, high: float, where: str) -> None:
    """Refuse a number that is not from `low` to `high`; None is no number and passes."""
    if value is not None and not low <= value <= high:
        raise DeclarationError(f"{where} is {value}; expected {low} to {high}")
