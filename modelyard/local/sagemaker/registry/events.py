"""The event ``SageMaker Model Package State Change``.

Its detail is what DescribeModelPackage answers, with times in ISO 8601 and, after an update, the members that changed:
https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from modelyard.local.sagemaker.context import Context, Record

__all__ = ["UPDATED_FIELDS", "emit_state_change"]

_TIMES = ("CreationTime", "LastModifiedTime")

# Members of UpdateModelPackage, by the name that the event gives to what they change.
UPDATED_FIELDS = {
    "ModelApprovalStatus": "ModelApprovalStatus",
    "ApprovalDescription": "ApprovalDescription",
    "ModelPackageRegistrationType": "ModelPackageRegistrationType",
    "CustomerMetadataProperties": "CustomerMetadataProperties",
    "CustomerMetadataPropertiesToRemove": "CustomerMetadataProperties",
    "AdditionalInferenceSpecificationsToAdd": "AdditionalInferenceSpecifications",
    "InferenceSpecification": "InferenceSpecification",
    "SourceUri": "sourceUri",
    "ModelCard": "ModelCard",
    "ModelLifeCycle": "ModelLifeCycle",
}


def emit_state_change(context: Context, package: Record, updated: Iterable[str] = ()) -> None:
    """Tell of ``package`` as it is now; ``updated`` names the members of an update's request."""
    detail: dict[str, Any] = {name: value for name, value in package.items() if not name.startswith("_")}
    for name in _TIMES:
        if name in detail:
            detail[name] = _iso(detail[name])
    fields = list(dict.fromkeys(UPDATED_FIELDS[name] for name in updated if name in UPDATED_FIELDS))
    if fields:
        detail["UpdatedModelPackageFields"] = fields
    context.emit("SageMaker Model Package State Change", detail, [package["ModelPackageArn"]])


def _iso(epoch_seconds: float) -> str:
    return datetime.fromtimestamp(epoch_seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
