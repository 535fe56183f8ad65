"""What change sets say, in the few words that a gate has room for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["BLOCKED", "Changes", "summary"]

_MOST_NAMES = 3
_KINDS = ("added", "changed", "replaced", "perhaps replaced", "removed")
# How much a reviewer should care.
_LOSS, _CHANGE, _ADDITION = 1000, 3, 2
BLOCKED = 1_000_000
"""The weight of a stack that cannot be deployed as it is."""


@dataclass(frozen=True)
class Changes:
    """What a deployment would change of a stack.

    Attributes:
        note: in words; empty where nothing changes.
        weight: how much a reviewer should care.
        stack: the stack's ARN, and
        change_set: that of the change set, where there is one.
    """

    note: str = ""
    weight: int = 0
    stack: str = ""
    change_set: str = ""

    @staticmethod
    def of(resources: Sequence[Mapping[str, Any]], stack: str, change_set: str) -> Changes:
        """What the changes of resources say that a change set lists."""
        by_kind: dict[str, list[str]] = {kind: [] for kind in _KINDS}
        for resource in resources:
            by_kind[_kind(resource)].append(resource["LogicalResourceId"])
        lost = [*by_kind["replaced"], *by_kind["perhaps replaced"], *by_kind["removed"]]
        weight = _LOSS * len(lost) + _CHANGE * len(by_kind["changed"]) + _ADDITION * len(by_kind["added"])
        parts = []
        for kind in _KINDS:
            ids = by_kind[kind]
            if ids:
                named = f" ({_names(ids)})" if kind not in ("added", "changed") else ""
                parts.append(f"{len(ids)} {kind}{named}")
        return Changes(", ".join(parts), max(weight, 1), stack, change_set) if parts else Changes()


def summary(found: Sequence[tuple[str, Changes]], most: int) -> str:
    """What is found of stacks, by their names; the gravest first, in at most so many characters."""
    ordered = sorted(found, key=lambda item: -item[1].weight)
    lines = [f"{name}: {change.note}" for name, change in ordered if change.note]
    unchanged = [name for name, change in ordered if not change.note]
    if not lines:
        return "no changes"
    tail = [f"no changes: {len(unchanged)}"] if unchanged else []
    for count in range(len(lines), -1, -1):
        left = [f"and {len(lines) - count} more"] if count < len(lines) else []
        text = "; ".join([*lines[:count], *left, *tail])
        if len(text) <= most:
            return text
    return text[:most]


def _kind(resource: Mapping[str, Any]) -> str:
    action, replacement = resource["Action"], resource.get("Replacement", "False")
    if action in ("Add", "Import"):
        return "added"
    if action == "Remove":
        return "removed"
    return {"True": "replaced", "Conditional": "perhaps replaced"}.get(str(replacement), "changed")


def _names(ids: Sequence[str]) -> str:
    rest = f" and {len(ids) - _MOST_NAMES} more" if len(ids) > _MOST_NAMES else ""
    return ", ".join(ids[:_MOST_NAMES]) + rest
