"""UpdateModelPackage: approval, descriptions and what else may change of a model package."""

from __future__ import annotations

from typing import Any

from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.errors import ValidationException
from modelyard.local.sagemaker.operations import operation
from modelyard.local.sagemaker.registry.events import emit_state_change
from modelyard.local.sagemaker.registry.names import find_package

# Members of the request that replace the package's of the same name.
_REPLACED = (
    "ModelApprovalStatus",
    "ApprovalDescription",
    "ModelPackageRegistrationType",
    "InferenceSpecification",
    "SourceUri",
    "ModelCard",
    "ModelLifeCycle",
)


@operation("UpdateModelPackage")
def update_model_package(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    package = find_package(context, request["ModelPackageArn"])
    if "ModelApprovalStatus" in request and "ModelPackageVersion" not in package:
        raise ValidationException("ModelApprovalStatus cannot be specified for an unversioned model package.")
    changed = {
        **{name: request[name] for name in _REPLACED if name in request},
        **_customer_metadata(package, request),
        **_additional_specifications(package, request),
    }
    package.update(changed)
    package["LastModifiedTime"] = context.now()
    emit_state_change(context, package, request)
    context.snapshot()
    return {"ModelPackageArn": package["ModelPackageArn"]}


def _customer_metadata(package: Record, request: dict[str, Any]) -> Record:
    added = request.get("CustomerMetadataProperties")
    removed = request.get("CustomerMetadataPropertiesToRemove")
    if added is None and removed is None:
        return {}
    merged = {**package.get("CustomerMetadataProperties", {}), **(added or {})}
    return {"CustomerMetadataProperties": {key: merged[key] for key in merged if key not in (removed or [])}}


def _additional_specifications(package: Record, request: dict[str, Any]) -> Record:
    added = request.get("AdditionalInferenceSpecificationsToAdd")
    if added is None:
        return {}
    kept = package.get("AdditionalInferenceSpecifications", [])
    names = [specification["Name"] for specification in kept + added]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValidationException(f"Additional inference specification {twice} already exists.")
    return {"AdditionalInferenceSpecifications": kept + added}
