"""The functions of the pipeline definition language: ``Get``, ``Std:Join`` and ``Std:JsonGet``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from modelyard.local.sagemaker.pipelines.paths import MISSING, parse, walk

__all__ = ["EvaluationError", "Scope", "as_text", "evaluate", "is_function", "references"]

FUNCTIONS = ("Get", "Std:Join", "Std:JsonGet")


class EvaluationError(Exception):
    """A function that has no value; the message says which and why."""


@dataclass
class Scope:
    """What functions read: parameters and execution variables by name, properties of steps that have run.

    A variable that is a function is called each time that it is read.
    ``property_files`` maps (step, property file) to the S3 URI of the file; ``read`` reads an S3 URI.
    """

    parameters: Mapping[str, Any]
    execution: Mapping[str, Any]
    read: Callable[[str], bytes]
    properties: dict[str, Any] = field(default_factory=dict)
    property_files: dict[tuple[str, str], str] = field(default_factory=dict)


def is_function(value: Any) -> bool:
    """Whether ``value`` is a function of the language, with a value that is known only when it runs."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in FUNCTIONS


def references(value: Any) -> Iterator[str]:
    """Every expression (``Steps.Train.ModelArtifacts…``) that a ``Get`` within ``value`` names."""
    if isinstance(value, dict):
        if set(value) == {"Get"} and isinstance(value["Get"], str):
            yield value["Get"]
            return
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def evaluate(value: Any, scope: Scope) -> Any:
    """``value`` with each function in it replaced by its value; raises ``EvaluationError``."""
    if isinstance(value, list):
        return [evaluate(item, scope) for item in value]
    if not isinstance(value, dict):
        return value
    if not is_function(value):
        return {key: evaluate(item, scope) for key, item in value.items()}
    name, argument = next(iter(value.items()))
    return _EVALUATORS[name](argument, scope)


def as_text(value: Any) -> str:
    """``value`` as Std:Join writes it: a string as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _get(expression: str, scope: Scope) -> Any:
    head, _, rest = expression.partition(".")
    if head == "Parameters" and rest in scope.parameters:
        return scope.parameters[rest]
    if head == "Execution" and rest in scope.execution:
        value = scope.execution[rest]
        return value() if callable(value) else value
    if head == "Steps":
        step, *path = parse(rest)
        found = walk(scope.properties.get(str(step)), path)
        if found is not MISSING:
            return found
    raise EvaluationError(f"'{expression}' has no value")


def _join(argument: dict[str, Any], scope: Scope) -> str:
    return str(argument.get("On", "")).join(as_text(evaluate(item, scope)) for item in argument["Values"])


def _json_get(argument: dict[str, Any], scope: Scope) -> Any:
    uri = _json_location(argument, scope)
    path = evaluate(argument["Path"], scope)
    try:
        found = walk(json.loads(scope.read(uri)), parse(path))
    except ValueError as error:
        raise EvaluationError(f"{uri} cannot be read as JSON for the path '{path}': {error}") from None
    if found is MISSING:
        raise EvaluationError(f"{uri} has no value at '{path}'")
    return found


def _json_location(argument: dict[str, Any], scope: Scope) -> str:
    if "S3Uri" in argument:
        return as_text(evaluate(argument["S3Uri"], scope))
    expression = argument["PropertyFile"]["Get"]
    step, _, name = expression.removeprefix("Steps.").partition(".PropertyFiles.")
    uri = scope.property_files.get((step, name))
    if uri is None:
        raise EvaluationError(f"'{expression}' has no value")
    return uri


_EVALUATORS: dict[str, Callable[[Any, Scope], Any]] = {"Get": _get, "Std:Join": _join, "Std:JsonGet": _json_get}
