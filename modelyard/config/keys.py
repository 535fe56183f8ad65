"""The keys of a document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modelyard.config.errors import ConfigError
from modelyard.settings.errors import nearest

__all__ = ["NAMED", "Path", "changed", "dotted", "entries", "find", "split"]

Path = tuple[str, ...]

NAMED = 2
"""A stage or a project, a path of so many names, stays without keys; any other section without keys is left out."""


def split(key: str) -> Path:
    """The path that `key` spells.

    Raises:
        ConfigError: a part of it is empty.
    """
    path = tuple(key.split("."))
    if not all(path):
        raise ConfigError(f"{key!r} is no key; write names with dots between: projects.abalone.endpoint.instance_type")
    return path


def dotted(path: Path) -> str:
    """The key that spells `path`."""
    return ".".join(path)


def entries(values: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value below `path` that has no keys of its own, in the order of the file; a list is one value."""
    if isinstance(values, dict) and values:
        for name, value in values.items():
            yield from entries(value, (*path, str(name)))
    else:
        yield path, values


def find(values: Any, path: Path, file: str) -> Any:
    """The value, or section, at `path`.

    Raises:
        ConfigError: it is not there; says what is.
    """
    for depth, name in enumerate(path):
        if not isinstance(values, dict) or name not in values:
            raise ConfigError(_missing(values, path, depth, file))
        values = values[name]
    return values


def changed(values: Any, path: Path, value: Any = None, *, remove: bool = False) -> Any:
    """A copy of `values` with another value at `path`, its parents included, or without it and the sections it leaves
    empty."""
    copy = _copy(values) or {}
    parents = [copy]
    for name in path[:-1]:
        parents.append(parents[-1].setdefault(name, {}) or {})
        parents[-2][name] = parents[-1]
    if not remove:
        parents[-1][path[-1]] = value
        return copy
    for depth in reversed(range(len(path))):
        del parents[depth][path[depth]]
        if parents[depth] or depth <= NAMED:
            break
    return copy


def _copy(value: Any) -> Any:
    """What aliases share in a YAML file is not shared in the copy."""
    if isinstance(value, dict):
        return {name: _copy(inner) for name, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, list) else value


def _missing(values: Any, path: Path, depth: int, file: str) -> str:
    section = f"{dotted(path[:depth])} has" if depth else "it has"
    if not isinstance(values, dict):
        return f"{dotted(path)}: {file} has no such key; {dotted(path[:depth])} holds a value and no keys"
    names = [str(name) for name in values]
    there = ", ".join(names) or "no keys"
    return f"{dotted(path)}: {file} has no such key; {section}: {there}{nearest(path[depth], names)}"
