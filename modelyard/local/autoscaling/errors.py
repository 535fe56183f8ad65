"""The errors of Application Auto Scaling beyond ``ValidationException``."""

from __future__ import annotations

from modelyard.local.sagemaker.errors import SageMakerError

__all__ = [
    "InvalidNextTokenException",
    "LimitExceededException",
    "ObjectNotFoundException",
    "ResourceNotFoundException",
]


class ObjectNotFoundException(SageMakerError):
    """A scalable target or a policy that does not exist."""


class ResourceNotFoundException(SageMakerError):
    """A resource whose tags are asked for does not exist."""


class LimitExceededException(SageMakerError):
    """A quota is reached."""


class InvalidNextTokenException(SageMakerError):
    """A NextToken that no answer gave."""
