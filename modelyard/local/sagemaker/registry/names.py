"""Finding what a request names by name or by ARN.

The sentences of the errors are those that SageMaker answers for a name that does not exist.
"""

from __future__ import annotations

from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.errors import ValidationException

__all__ = ["GROUPS", "PACKAGES", "find_group", "find_package", "group_arn", "package_arn"]

GROUPS = "model_package_groups"
PACKAGES = "model_packages"


def group_arn(context: Context, name_or_arn: str) -> str:
    """The ARN of the group ``name_or_arn``, whether it exists or not."""
    return name_or_arn if name_or_arn.startswith("arn:") else context.arn(f"model-package-group/{name_or_arn}")


def package_arn(context: Context, name_or_arn: str) -> str:
    """The ARN of the package ``name_or_arn`` (``group/3`` for a version), whether it exists or not."""
    return name_or_arn if name_or_arn.startswith("arn:") else context.arn(f"model-package/{name_or_arn}")


def find_group(context: Context, name_or_arn: str) -> Record:
    """The record of a group; raises ``ValidationException`` where there is none."""
    arn = group_arn(context, name_or_arn)
    try:
        return context.table(GROUPS)[arn]
    except KeyError:
        raise ValidationException(f"ModelPackageGroup {arn} does not exist.") from None


def find_package(context: Context, name_or_arn: str) -> Record:
    """The record of a package; raises ``ValidationException`` where there is none."""
    arn = package_arn(context, name_or_arn)
    try:
        return context.table(PACKAGES)[arn]
    except KeyError:
        raise ValidationException(f"ModelPackage {arn} does not exist.") from None
