"""The tables of operations: each module of the local SageMaker adds its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from modelyard.local.sagemaker.context import Context
from modelyard.local.sagemaker.errors import SageMakerError, ValidationException
from modelyard.shapes import service_model

__all__ = ["OPERATIONS", "SAGEMAKER", "Api", "Operation", "operation"]

Operation = Callable[[Context, dict[str, Any]], dict[str, Any] | None]


@dataclass(frozen=True)
class Api:
    """The operations that are served of an API: ``service`` is botocore's name of it, ``title`` that of its errors.

    ``invalid`` is what a request that botocore's model refuses is answered with.
    """

    service: str
    title: str
    invalid: type[SageMakerError] = ValidationException
    operations: dict[str, Operation] = field(default_factory=dict)

    def operation(self, name: str) -> Callable[[Operation], Operation]:
        """Register the decorated function as the operation ``name``.

        It is called with the lock of the service held, with an input that botocore's model accepts; what it returns may
        hold more members than the operation's output, they are left out of the answer.
        """
        if name not in service_model(self.service).operation_names:
            raise ValueError(f"{name} is no operation of {self.title}")

        def register(function: Operation) -> Operation:
            if name in self.operations:
                raise ValueError(f"{name} is registered twice")
            self.operations[name] = function
            return function

        return register


SAGEMAKER = Api("sagemaker", "SageMaker")
OPERATIONS = SAGEMAKER.operations
operation = SAGEMAKER.operation
