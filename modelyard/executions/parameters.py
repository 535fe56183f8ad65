"""The parameters of a pipeline, as its definition declares them, and the values that a caller gives."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.approvals.errors import ApprovalError
from modelyard.settings.errors import nearest

__all__ = ["Parameter", "checked", "declared", "different", "given"]

_FORMS = {
    "Integer": (r"[-+]?\d+", "a whole number"),
    "Float": (r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", "a number"),
    "Boolean": (r"true|false", "true or false"),
    "String": (r"(?s).*", "text"),
}


@dataclass(frozen=True)
class Parameter:
    """A declared parameter; `default` is None where every execution has to give a value."""

    name: str
    type: str
    default: Any = None
    allowed: tuple[Any, ...] = ()

    def takes(self, text: str) -> bool:
        """Whether SageMaker would take `text` as its value."""
        form, _ = _FORMS.get(self.type, _FORMS["String"])
        return bool(re.fullmatch(form, text)) and (not self.allowed or text in map(_text, self.allowed))

    def is_default(self, text: str) -> bool:
        """Whether `text` is the default in other letters: 2.50 is 2.5."""
        if self.type == "Float" and self.default is not None and self.takes(text):
            return float(text) == float(self.default)
        return self.default is not None and text == _text(self.default)

    def __str__(self) -> str:
        return self.name if self.default is None else f"{self.name}={_text(self.default)}"


def declared(definition: Mapping[str, Any]) -> dict[str, Parameter]:
    """The parameters of a pipeline definition, by name, in its order."""
    return {
        item["Name"]: Parameter(
            item["Name"], item["Type"], item.get("DefaultValue"), tuple(item.get("EnumValues") or ())
        )
        for item in definition.get("Parameters", [])
    }


def given(words: Iterable[str]) -> dict[str, str]:
    """The values of `name=value` words.

    Raises:
        ApprovalError: a word has no `=`, or a name comes twice.
    """
    values: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise ApprovalError(f"-p {word}: write -p name=value")
        if name in values:
            raise ApprovalError(f"-p {word}: {name} is given twice; give it once")
        values[name] = value
    return values


def checked(values: Mapping[str, str], parameters: Mapping[str, Parameter]) -> list[dict[str, str]]:
    """The values as StartPipelineExecution takes them.

    Raises:
        ApprovalError: the pipeline has no such parameter or does not take the value, or one without a default is
            missing.
    """
    for name, text in values.items():
        if name not in parameters:
            there = f"it has: {', '.join(map(str, parameters.values()))}" if parameters else "it has none"
            raise ApprovalError(
                f"-p {name}={text}: the pipeline has no parameter {name!r}; {there}{nearest(name, parameters)}"
            )
        if not parameters[name].takes(text):
            raise ApprovalError(f"-p {name}={text}: received {text!r}; allowed: {_allowed(parameters[name])}")
    missing = [name for name, parameter in parameters.items() if parameter.default is None and name not in values]
    if missing:
        raise ApprovalError(f"parameter {missing[0]!r} has no default; give it a value: -p {missing[0]}=VALUE")
    return [{"Name": name, "Value": text} for name, text in values.items()]


def different(values: Mapping[str, str], parameters: Mapping[str, Parameter]) -> dict[str, str]:
    """The values that are not the defaults."""
    return {
        name: text for name, text in values.items() if name not in parameters or not parameters[name].is_default(text)
    }


def _allowed(parameter: Parameter) -> str:
    return ", ".join(map(_text, parameter.allowed)) or _FORMS.get(parameter.type, _FORMS["String"])[1]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
