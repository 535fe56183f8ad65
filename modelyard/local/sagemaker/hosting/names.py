"""Finding models, endpoint configurations and endpoints by name, with the sentences SageMaker says of a missing one."""

from __future__ import annotations

from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.errors import ValidationException

__all__ = ["CONFIGS", "ENDPOINTS", "MODELS", "find", "require_free"]

MODELS = "models"
CONFIGS = "endpoint_configs"
ENDPOINTS = "endpoints"

# Table: resource type of the ARN, and what SageMaker calls it.
_KINDS = {
    MODELS: ("model", "model"),
    CONFIGS: ("endpoint-config", "endpoint configuration"),
    ENDPOINTS: ("endpoint", "endpoint"),
}


def find(context: Context, table: str, name: str) -> Record:
    """The record ``name`` of ``table``; raises ``ValidationException`` where there is none."""
    kind, words = _KINDS[table]
    try:
        return context.table(table)[name]
    except KeyError:
        raise ValidationException(f'Could not find {words} "{context.arn(f"{kind}/{name}")}".') from None


def require_free(context: Context, table: str, name: str) -> str:
    """The ARN that ``name`` will have in ``table``; raises ``ValidationException`` where it is taken."""
    kind, words = _KINDS[table]
    arn = context.arn(f"{kind}/{name}")
    if name in context.table(table):
        raise ValidationException(f'Cannot create already existing {words} "{arn}".')
    return arn
