"""The model registry as the hook sees it: the versions of one model package group, read when asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .errors import unless_absent
from .instants import instant, whole_second
from .ledger import APPROVED, PENDING, Approval, Records


@dataclass(frozen=True)
class Package:
    """A model package version. `created` is in whole seconds, `content` is what its containers are made of."""

    arn: str
    created: str
    version: int
    status: str
    approval_status: str
    modified: str
    content: Any = None

    @property
    def deployable(self) -> bool:
        """Registered completely and approved."""
        return self.status == "Completed" and self.approval_status == APPROVED


class Registry:
    """Reads one model package group; each package is described, and the group listed, at most once."""

    def __init__(self, sagemaker: Any, group: str) -> None:
        self._sagemaker = sagemaker
        self._group = group
        self._described: dict[str, Package | None] = {}
        self._listed: list[dict[str, Any]] | None = None

    def describe(self, arn: str) -> Package | None:
        """The package, or None if it was deleted."""
        if arn not in self._described:
            self._described[arn] = self._describe(arn)
        return self._described[arn]

    def is_approved(self, arn: str) -> bool:
        """Whether the group's listing shows the package as Approved."""
        approved = (item["ModelPackageArn"] for item in self._list() if item.get("ModelApprovalStatus") == APPROVED)
        return arn in approved

    def differences(self, records: Records) -> Iterator[Package]:
        """The packages whose approval status is not the one that the ledger saw last (at first: pending)."""
        seen = {(item.package_arn, item.created): item.status for item in current(records.approvals)}
        for item in self._list():
            identity = (item["ModelPackageArn"], whole_second(item["CreationTime"]))
            if item.get("ModelApprovalStatus", PENDING) == seen.get(identity, PENDING):
                continue
            package = self.describe(item["ModelPackageArn"])
            if package:
                yield package

    def _list(self) -> list[dict[str, Any]]:
        if self._listed is None:
            self._listed = unless_absent(self._pages) or []
        return self._listed

    def _pages(self) -> list[dict[str, Any]]:
        paginator = self._sagemaker.get_paginator("list_model_packages")
        pages = paginator.paginate(ModelPackageGroupName=self._group, PaginationConfig={"PageSize": 100})
        return [item for page in pages for item in page["ModelPackageSummaryList"]]

    def _describe(self, arn: str) -> Package | None:
        answer = unless_absent(self._sagemaker.describe_model_package, ModelPackageName=arn)
        if answer is None:
            return None
        return Package(
            arn=answer["ModelPackageArn"],
            created=whole_second(answer["CreationTime"]),
            version=int(answer["ModelPackageVersion"]),
            status=answer["ModelPackageStatus"],
            approval_status=answer["ModelApprovalStatus"],
            modified=instant(answer.get("LastModifiedTime") or answer["CreationTime"]),
            content=answer.get("InferenceSpecification"),
        )


def current(approvals: list[Approval]) -> list[Approval]:
    """The last word on each package. Of an approval and its withdrawal in the same instant the approval is kept,
    since the registry is asked anyway whether it still holds."""
    last: dict[tuple[str, str], Approval] = {}
    for approval in sorted(approvals, key=lambda item: (item.at, item.status == APPROVED)):
        last[approval.package_arn, approval.created] = approval
    return list(last.values())
