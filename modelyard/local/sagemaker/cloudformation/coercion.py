"""Template values in the types of the API: CloudFormation lets a number or a boolean be written as a string."""

from __future__ import annotations

from typing import Any

__all__ = ["coerced"]


def coerced(shape: Any, value: Any) -> Any:
    """``value`` with its scalars in the types of botocore's ``shape``; what does not convert stays as it is."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        return {
            name: coerced(shape.members[name], item) if name in shape.members else item
            for name, item in value.items()
            if item is not None
        }
    if kind == "list" and isinstance(value, list):
        return [coerced(shape.member, item) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: coerced(shape.value, item) for key, item in value.items()}
    return _scalar(kind, value)


def _scalar(kind: str, value: Any) -> Any:
    if kind == "boolean" and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if kind == "string" and isinstance(value, bool):
        return str(value).lower()
    if kind == "string" and isinstance(value, int | float):
        return str(value)
    if kind in ("integer", "long", "float", "double") and isinstance(value, str):
        try:
            return int(value) if kind in ("integer", "long") else float(value)
        except ValueError:
            return value
    return value
