"""Pipeline parameters: what a definition declares, and the values that an execution is started with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from modelyard.local.sagemaker.errors import ValidationException

__all__ = ["TYPES", "Parameter", "parameter", "values"]


@dataclass(frozen=True)
class Parameter:
    """A declared parameter; ``default`` is None where a value must be given."""

    name: str
    type: str
    default: Any = None
    allowed: tuple[Any, ...] = ()

    def value(self, text: str) -> Any:
        """``text``, as StartPipelineExecution gives it, in the parameter's type; raises ``ValidationException``."""
        try:
            converted = _READERS[self.type](text)
        except (ValueError, KeyError):
            raise ValidationException(
                f"Value '{text}' of pipeline parameter '{self.name}' is not of type {self.type}"
            ) from None
        self._check_allowed(converted)
        return converted

    def check_default(self) -> None:
        """Raise ``ValidationException`` for a default of another type, or one that is not allowed."""
        if self.default is None:
            return
        if not _TYPES[self.type](self.default):
            raise ValidationException(
                f"Default value {self.default!r} of pipeline parameter '{self.name}' is not of type {self.type}"
            )
        self._check_allowed(self.default)

    def _check_allowed(self, value: Any) -> None:
        if self.allowed and value not in self.allowed:
            raise ValidationException(
                f"Value '{value}' of pipeline parameter '{self.name}' is not allowed; "
                f"allowed: {', '.join(map(str, self.allowed))}"
            )


def parameter(declared: dict[str, Any]) -> Parameter:
    """The parameter that one entry of a definition's ``Parameters`` declares; raises ``ValidationException``."""
    name, kind = declared.get("Name"), declared.get("Type")
    if not isinstance(name, str) or not name:
        raise ValidationException("Unable to parse pipeline definition. A parameter has no Name")
    if kind not in TYPES:
        raise ValidationException(
            f"Unable to parse pipeline definition. Parameter '{name}' has type '{kind}'; types: {', '.join(TYPES)}"
        )
    made = Parameter(name, str(kind), declared.get("DefaultValue"), tuple(declared.get("EnumValues", ())))
    made.check_default()
    return made


def values(declared: dict[str, Parameter], given: list[dict[str, str]]) -> dict[str, Any]:
    """A value for each declared parameter: the one that is given, else its default; raises ``ValidationException``."""
    chosen = {item["Name"]: item["Value"] for item in given}
    unknown = sorted(set(chosen) - set(declared))
    if unknown:
        names = ", ".join(sorted(declared)) or "none"
        raise ValidationException(f"Pipeline parameter '{unknown[0]}' is not declared; the pipeline declares: {names}")
    missing = sorted(name for name, item in declared.items() if item.default is None and name not in chosen)
    if missing:
        raise ValidationException(f"Pipeline parameter '{missing[0]}' has no default: give it a value")
    return {name: item.value(chosen[name]) if name in chosen else item.default for name, item in declared.items()}


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_BOOLEANS = {"true": True, "false": False}
_READERS: dict[str, Callable[[str], Any]] = {
    "String": str,
    "Integer": int,
    "Float": float,
    "Boolean": lambda text: _BOOLEANS[text.lower()],
}
_TYPES: dict[str, Callable[[Any], bool]] = {
    "String": lambda value: isinstance(value, str),
    "Integer": lambda value: _number(value) and int(value) == value,
    "Float": _number,
    "Boolean": lambda value: isinstance(value, bool),
}
TYPES = tuple(_READERS)
