"""Model packages: the versions of a group, and packages outside any group."""

from __future__ import annotations

from typing import Any

from modelyard.local.sagemaker import tags
from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.errors import SageMakerError, ValidationException
from modelyard.local.sagemaker.operations import operation
from modelyard.local.sagemaker.paging import listed
from modelyard.local.sagemaker.registry.events import emit_state_change
from modelyard.local.sagemaker.registry.names import GROUPS, PACKAGES, find_group, find_package, group_arn, package_arn

# Members of CreateModelPackage that the record does not keep as they are.
_NOT_KEPT = ("ModelPackageName", "ModelPackageGroupName", "Tags", "ClientToken")


@operation("CreateModelPackage")
def create_model_package(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    repeated = _created_with(context, request.get("ClientToken"))
    if repeated is not None:
        return {"ModelPackageArn": repeated["ModelPackageArn"]}
    named, grouped = request.get("ModelPackageName"), request.get("ModelPackageGroupName")
    if named and grouped:
        raise ValidationException(
            "Both ModelPackageName and ModelPackageGroupName are provided in the input. "
            "Cannot determine which one to use."
        )
    if not named and not grouped:
        raise ValidationException("Missing ARN.")
    if request.get("SourceUri") and "InferenceSpecification" in request:
        # The SageMaker SDK says so of both requests: model_registry.create_model_package_from_containers.
        raise ValidationException(
            "SourceUri and InferenceSpecification cannot be specified together: SageMaker makes the specification of "
            "what SourceUri names."
        )
    identity = _new_version(context, request) if grouped else _new_unversioned(context, request)
    now = context.now()
    package: Record = {
        **identity,
        **{name: value for name, value in request.items() if name not in _NOT_KEPT},
        "CreationTime": now,
        "LastModifiedTime": now,
        "CreatedBy": {},
        "LastModifiedBy": {},
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "CertifyForMarketplace": request.get("CertifyForMarketplace", False),
        "_client_token": request.get("ClientToken"),
    }
    context.table(PACKAGES)[package["ModelPackageArn"]] = package
    tags.set_tags(context, package["ModelPackageArn"], request.get("Tags", []))
    emit_state_change(context, package)
    context.snapshot()
    return {"ModelPackageArn": package["ModelPackageArn"]}


def _created_with(context: Context, token: str | None) -> Record | None:
    packages = context.table(PACKAGES).values()
    return next((package for package in packages if token and package["_client_token"] == token), None)


def _new_version(context: Context, request: dict[str, Any]) -> Record:
    group = context.table(GROUPS).get(group_arn(context, request["ModelPackageGroupName"]))
    if group is None:
        raise ValidationException("Model Package Group does not exist.")
    if request.get("Tags"):
        raise ValidationException("Tags cannot be specified for a versioned model package: it uses those of its group.")
    # Counted, not derived: the number of a deleted version is never given again.
    group["_last_version"] += 1
    name, version = group["ModelPackageGroupName"], group["_last_version"]
    return {
        "ModelPackageGroupName": name,
        "ModelPackageVersion": version,
        "ModelPackageArn": package_arn(context, f"{name}/{version}"),
        "ModelApprovalStatus": "PendingManualApproval",
    }


def _new_unversioned(context: Context, request: dict[str, Any]) -> Record:
    arn = package_arn(context, request["ModelPackageName"])
    if arn in context.table(PACKAGES):
        raise ValidationException(f"Cannot create already existing model package {arn}.")
    if "ModelApprovalStatus" in request:
        raise ValidationException("ModelApprovalStatus cannot be specified for an unversioned model package.")
    return {"ModelPackageName": request["ModelPackageName"], "ModelPackageArn": arn}


@operation("DescribeModelPackage")
def describe_model_package(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    package = find_package(context, request["ModelPackageName"])
    # The answer must name the package; a version is named by its group.
    return {"ModelPackageName": _name(package), **package}


@operation("BatchDescribeModelPackage")
def batch_describe_model_package(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Record] = {}
    errors: dict[str, dict[str, str]] = {}
    for arn in request["ModelPackageArnList"]:
        try:
            found[arn] = find_package(context, arn)
            if "InferenceSpecification" not in found[arn]:
                raise ValidationException(f"ModelPackage {arn} has no InferenceSpecification.")
        except SageMakerError as error:
            found.pop(arn, None)
            errors[arn] = {"ErrorCode": error.code, "ErrorResponse": error.message}
    return {"ModelPackageSummaries": found, "BatchDescribeModelPackageErrorMap": errors}


@operation("ListModelPackages")
def list_model_packages(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Unversioned packages only, unless a group or another ModelPackageType is asked for, as on AWS."""
    packages = list(context.table(PACKAGES).values())
    if "ModelPackageGroupName" in request:
        name = find_group(context, request["ModelPackageGroupName"])["ModelPackageGroupName"]
        packages = [package for package in packages if package.get("ModelPackageGroupName") == name]
    else:
        kind = request.get("ModelPackageType", "Unversioned")
        packages = [package for package in packages if kind in (_kind(package), "Both")]
    return listed(
        request,
        [{**package, "_order": _order(package)} for package in packages],
        answer="ModelPackageSummaryList",
        name="_order",
        filters={
            "ModelApprovalStatus": lambda package, status: package.get("ModelApprovalStatus") == status,
            "NameContains": lambda package, text: text.lower() in _name(package).lower(),
        },
        default_order="Ascending",
    )


def _kind(package: Record) -> str:
    return "Versioned" if "ModelPackageVersion" in package else "Unversioned"


def _name(package: Record) -> str:
    return str(package.get("ModelPackageGroupName") or package["ModelPackageName"])


def _order(package: Record) -> str:
    # Padded, so that version 10 sorts after version 9.
    return f"{_name(package)}/{package.get('ModelPackageVersion', 0):09d}"


@operation("DeleteModelPackage")
def delete_model_package(context: Context, request: dict[str, Any]) -> None:
    package = find_package(context, request["ModelPackageName"])
    del context.table(PACKAGES)[package["ModelPackageArn"]]
    tags.forget(context, package["ModelPackageArn"])
    emit_state_change(context, {**package, "ModelPackageStatus": "Deleting"})
    context.snapshot()
