"""The errors that the local SageMaker answers, in AWS's codes."""

from __future__ import annotations

__all__ = [
    "ConflictException",
    "ResourceInUse",
    "ResourceLimitExceeded",
    "ResourceNotFound",
    "SageMakerError",
    "UnknownOperation",
    "ValidationException",
]


class SageMakerError(Exception):
    """An error answered to the client: the class name is AWS's error code."""

    status = 400

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def code(self) -> str:
        return type(self).__name__


class ValidationException(SageMakerError):
    """A request that does not fit, and most of what SageMaker says of names that do not exist."""


class ResourceNotFound(SageMakerError):
    """What is named does not exist."""


class ResourceInUse(SageMakerError):
    """What is named exists already, or is used."""


class ResourceLimitExceeded(SageMakerError):
    """A service quota is reached."""


class ConflictException(SageMakerError):
    """A model package or pipeline that is being changed, or a group that is not empty."""


class UnknownOperation(SageMakerError):
    """An operation that exists on AWS and is not supported locally, or does not exist at all."""

    @property
    def code(self) -> str:
        return "UnknownOperationException"
