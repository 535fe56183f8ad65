"""The table of CodeBuild's operations, its errors, and what several operations share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelyard.local.sagemaker.context import Context, Record, Table
from modelyard.local.sagemaker.errors import SageMakerError, ValidationException
from modelyard.local.sagemaker.jobs.support import Rule, refuse_unsupported
from modelyard.local.sagemaker.operations import Api

__all__ = [
    "API",
    "ARTIFACTS",
    "SOURCE",
    "InvalidInputException",
    "ResourceAlreadyExistsException",
    "ResourceNotFoundException",
    "builds",
    "find_project",
    "operation",
    "projects",
    "refuse",
]


class InvalidInputException(SageMakerError):
    """A request that does not fit, or asks for what is not supported here."""


class ResourceNotFoundException(SageMakerError):
    """What is named does not exist."""


class ResourceAlreadyExistsException(SageMakerError):
    """A project of this name exists."""


API = Api("codebuild", "CodeBuild", InvalidInputException)
operation = API.operation

SOURCE = ("CODEPIPELINE", "S3", "NO_SOURCE")
"""The types of source that projects can have here."""
ARTIFACTS = ("CODEPIPELINE", "S3", "NO_ARTIFACTS")
"""The types of artifacts that projects can have here."""


def projects(context: Context) -> Table:
    """The projects by name."""
    return context.table("codebuild-projects")


def builds(context: Context) -> Table:
    """The builds by id, the oldest first."""
    return context.table("codebuild-builds")


def find_project(context: Context, name: str) -> Record:
    """The project that a name or an ARN stands for; raises ``ResourceNotFoundException``."""
    project = projects(context).get(name.rpartition("/")[2])
    if project is None:
        raise ResourceNotFoundException(f"Project cannot be found: {name}")
    return project


def refuse(request: dict[str, Any], rules: Sequence[Rule]) -> None:
    """Raise for what is not supported, see ``refuse_unsupported``."""
    try:
        refuse_unsupported(request, rules)
    except ValidationException as error:
        raise InvalidInputException(error.message) from None
