"""The conditions of a condition step.

The types are those of https://sagemaker.readthedocs.io/en/stable/workflows/pipelines/sagemaker.workflow.pipelines.html.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

from modelyard.local.sagemaker.pipelines.functions import EvaluationError, Scope, evaluate

__all__ = ["TYPES", "holds", "nested"]

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
TYPES = ("Equals", *_ORDERS, "In", "Not", "Or")


def nested(condition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The conditions that ``condition`` is made of."""
    inner = condition.get("Condition", condition.get("Expression"))
    if isinstance(inner, dict):
        yield inner
    yield from condition.get("Conditions", [])


def holds(condition: dict[str, Any], scope: Scope) -> bool:
    """Whether ``condition`` is true; raises ``EvaluationError`` for values that cannot be compared."""
    kind = condition["Type"]
    if kind == "Or":
        return any(holds(inner, scope) for inner in nested(condition))
    if kind == "Not":
        return not any(holds(inner, scope) for inner in nested(condition))
    if kind == "In":
        value = evaluate(condition["QueryValue"], scope)
        return any(_equal(value, item) for item in evaluate(condition["Values"], scope))
    left, right = evaluate(condition["LeftValue"], scope), evaluate(condition["RightValue"], scope)
    if kind == "Equals":
        return _equal(left, right)
    if not (_number(left) and _number(right)) and not (isinstance(left, str) and isinstance(right, str)):
        raise EvaluationError(f"{kind} compares two numbers or two strings, not {left!r} and {right!r}")
    return _ORDERS[kind](left, right)


def _equal(left: Any, right: Any) -> bool:
    # In Python True == 1; in the definition language a boolean is no number.
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
