"""Approvals, packages, attempts and endpoints for the pure tests, with everything that does not matter filled in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from modelyard.lambdas.serving.artifacts import artifact_name
from modelyard.lambdas.serving.declaration import Declaration, Declared
from modelyard.lambdas.serving.ledger import APPROVED, Approval, Attempt
from modelyard.lambdas.serving.registry import Package
from modelyard.lambdas.serving.steps import Endpoint

GROUP = "modelyard-dev-abalone"
CREATED = "2026-11-22T10:00:00Z"
DECLARATION = Declaration(
    endpoint_name=GROUP,
    model_package_group_name=GROUP,
    execution_role_arn="arn:aws:iam::111122223333:role/endpoint",
    instance_type="ml.m5.large",
    instance_count=1,
)
DECLARED = Declared(DECLARATION, "/modelyard/dev/abalone/endpoint", "1@2026-11-22T09:00:00.000Z")


def arn(version: int) -> str:
    return f"arn:aws:sagemaker:eu-west-1:111122223333:model-package/{GROUP}/{version}"


def at(second: float) -> str:
    """A moment, `second` seconds into an hour."""
    return f"2026-11-22T11:{int(second) // 60:02d}:{second % 60:06.3f}Z"


def approval(version: int, second: float, status: str = APPROVED, **fields: Any) -> Approval:
    plain = Approval(
        arn(version), CREATED, version, status, at(second), source="event", event_id=f"e{version}-{second}"
    )
    return replace(plain, **fields)


def package(version: int, approval_status: str = APPROVED, **fields: Any) -> Package:
    content = {"Containers": [{"Environment": {"V": str(version)}}]}
    plain = Package(arn(version), CREATED, version, "Completed", approval_status, at(0), content)
    return replace(plain, **fields)


def config(version: int, declared: Declared = DECLARED, **fields: Any) -> str:
    """The name of the config that serves `version`."""
    return artifact_name(declared.declaration, package(version, **fields))


def attempt(number: int, approved: Approval, outcome: str, **fields: Any) -> Attempt:
    plain = Attempt(
        number=number,
        package_arn=approved.package_arn,
        created=approved.created,
        version=approved.version,
        config_name=config(approved.version),
        approval=approved.key,
        declaration_id=DECLARED.id,
        asked_at=at(number),
        outcome=outcome,
        ended_at=at(number + 1) if outcome != "open" else "",
    )
    return replace(plain, **fields)


def endpoint(status: str, config_name: str = "", **fields: Any) -> Endpoint:
    return replace(Endpoint(status=status, config_name=config_name, modified=at(500)), **fields)


class FakePackages:
    """The registry as `choose` asks it: these packages, and the listing agrees unless told otherwise."""

    def __init__(self, packages: Iterable[Package]) -> None:
        self._packages = {item.arn: item for item in packages}
        self.described: list[str] = []

    def describe(self, arn: str) -> Package | None:
        self.described.append(arn)
        return self._packages.get(arn)

    def is_approved(self, arn: str) -> bool:
        return arn in self._packages and self._packages[arn].approval_status == APPROVED
