"""Walking a pipeline definition: its steps, wherever they are nested, and the functions in their arguments."""

from collections.abc import Iterator
from typing import Any

Step = dict[str, Any]

FUNCTIONS = ("Get", "Std:Join", "Std:JsonGet")
NESTED = ("IfSteps", "ElseSteps", "ForEachBody")


def steps(definition: dict[str, Any]) -> Iterator[Step]:
    """Every step, those inside conditions and loops after their parent."""
    yield from _steps(definition["Steps"])


def _steps(found: list[Step]) -> Iterator[Step]:
    for step in found:
        yield step
        for name in NESTED:
            yield from _steps(step.get("Arguments", {}).get(name, []))


def own_arguments(step: Step) -> dict[str, Any]:
    """A step's arguments without the steps nested in them."""
    return {name: value for name, value in step.get("Arguments", {}).items() if name not in NESTED}


def is_function(value: Any) -> bool:
    """Whether `value` is known only when the pipeline runs."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in FUNCTIONS


def strings(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every string in `value`, with the path to it."""
    if isinstance(value, str):
        yield path, value
    for key, item in _items(value, path):
        yield from strings(item, key)


def references(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every `{"Get": …}` in `value`, with the path to the field that holds it."""
    if isinstance(value, dict) and isinstance(value.get("Get"), str) and len(value) == 1:
        yield path, value["Get"]
        return
    for key, item in _items(value, path):
        yield from references(item, path if is_function(value) else key)


def _items(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((f"{path}.{key}" if path else key, item) for key, item in value.items())
    elif isinstance(value, list):
        yield from ((f"{path}[{index}]", item) for index, item in enumerate(value))
