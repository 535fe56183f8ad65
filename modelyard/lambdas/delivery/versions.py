"""Versions of a model package group, and which of them an endpoint serves.

Needs `sagemaker:ListModelPackages` and `sagemaker:DescribeModelPackage`; `served` needs `sagemaker:DescribeEndpoint`,
`sagemaker:DescribeEndpointConfig` and `sagemaker:DescribeModel`.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

__all__ = ["APPROVED", "BROKEN", "MOVING", "PENDING", "Endpoint", "endpoint_of", "newest", "number", "versions"]

APPROVED = "Approved"
PENDING = "PendingManualApproval"
VERSION_VARIABLE = "MODEL_PACKAGE_ARN"
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
MOVING = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting", "OutOfService"})
BROKEN = frozenset({"Failed", "UpdateRollbackFailed"})


@dataclass(frozen=True)
class Endpoint:
    """An endpoint: what DescribeEndpoint answers, and the ARN of the version that serves; empty where none does."""

    described: Mapping[str, Any]
    version: str

    @property
    def status(self) -> str:
        """Its EndpointStatus."""
        return str(self.described["EndpointStatus"])


def versions(
    sagemaker: Any, group: str, statuses: Container[str] = frozenset({"Completed"})
) -> Iterator[dict[str, Any]]:
    """The versions of a group as ListModelPackages tells them, the newest first; by default the complete ones."""
    paginator = sagemaker.get_paginator("list_model_packages")
    pages = paginator.paginate(ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending")
    every = [item for page in pages for item in page["ModelPackageSummaryList"]]
    # Versions of one second come in any order.
    every.sort(key=lambda item: item["ModelPackageVersion"], reverse=True)
    return (item for item in every if item["ModelPackageStatus"] in statuses)


def newest(sagemaker: Any, group: str, approval: str = "") -> dict[str, Any] | None:
    """The newest version, of an approval status if one is given."""
    return next((item for item in versions(sagemaker, group) if approval in ("", item["ModelApprovalStatus"])), None)


def number(arn: str) -> str:
    """The number of a version."""
    return arn.rpartition("/")[2]


def endpoint_of(sagemaker: Any, name: str) -> Endpoint | None:
    """The endpoint and the version that it serves; None where there is no endpoint."""
    try:
        described = sagemaker.describe_endpoint(EndpointName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":
            return None
        raise
    return Endpoint(described, _served(sagemaker, described))


def _served(sagemaker: Any, described: Mapping[str, Any]) -> str:
    config = sagemaker.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
    model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    container = (model.get("Containers") or [model.get("PrimaryContainer") or {}])[0]
    told = container.get("Environment", {}).get(VERSION_VARIABLE) or container.get("ModelPackageName", "")
    return str(told)
