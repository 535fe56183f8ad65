"""Refusing, in one way, what SageMaker hosts and the local AWS does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelyard.local.sagemaker.errors import ValidationException

__all__ = ["refuse", "refuse_members"]


def refuse(what: str) -> ValidationException:
    """The error of a request for ``what``."""
    return ValidationException(f"{what} is not supported by the local AWS.")


def refuse_members(request: Mapping[str, Any], members: tuple[str, ...], path: str = "") -> None:
    """Raise for the first of ``members`` that ``request`` gives."""
    for name in members:
        if request.get(name):
            raise refuse(f"{path}{name}")
