"""The table of operations: each module of the local SageMaker adds its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelyard.local.sagemaker.context import Context
from modelyard.shapes import service_model

__all__ = ["OPERATIONS", "Operation", "operation"]

Operation = Callable[[Context, dict[str, Any]], dict[str, Any] | None]

OPERATIONS: dict[str, Operation] = {}


def operation(name: str) -> Callable[[Operation], Operation]:
    """Register the decorated function as the SageMaker operation ``name``.

    It is called with the lock of the service held, with an input that botocore's model accepts; what it returns may
    hold more members than the operation's output, they are left out of the answer.
    """
    if name not in service_model("sagemaker").operation_names:
        raise ValueError(f"{name} is no operation of SageMaker")

    def register(function: Operation) -> Operation:
        if name in OPERATIONS:
            raise ValueError(f"{name} is registered twice")
        OPERATIONS[name] = function
        return function

    return register
