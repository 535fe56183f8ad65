"""Approvals that no event told: what serves when the ledger begins, and what the registry alone knows."""

from __future__ import annotations

from .declaration import Declared
from .endpoints import served_package
from .instants import instant, whole_second
from .ledger import ADOPTED, APPROVED, Approval, Records
from .registry import Registry
from .runtime import Runtime, log
from .steps import Endpoint

_NOT_LIVE = {"Failed", "Deleting"}


def adopt(
    runtime: Runtime, declared: Declared, endpoint: Endpoint | None, registry: Registry, records: Records
) -> None:
    """Where the ledger holds no approval yet and an endpoint is live, record what it serves as approved now.

    Approvals that a survey finds later are older than that, so an empty ledger never moves a live endpoint.
    """
    begun = any(approval.status == APPROVED for approval in records.approvals)
    if begun or endpoint is None or endpoint.status in _NOT_LIVE:
        return
    config_name = endpoint.pending_config or endpoint.config_name
    arn = served_package(runtime.client("sagemaker"), config_name)
    ours = f":model-package/{declared.declaration.model_package_group_name}/" in arn
    package = registry.describe(arn) if ours else None
    _record(
        runtime,
        declared,
        records,
        Approval(
            package_arn=package.arn if package else "",
            created=package.created if package else "",
            version=package.version if package else 0,
            status=APPROVED,
            at=runtime.now(),
            source=ADOPTED,
            config_name=config_name,
            declaration_id=declared.id,
        ),
    )


def survey(runtime: Runtime, declared: Declared, registry: Registry, records: Records, source: str) -> None:
    """Record the approval status of every package where registry and ledger differ, at its LastModifiedTime.

    Whole seconds, as events have them: an approval found here and told later is one, and neither seems the later one.
    """
    for package in registry.differences(records):
        _record(
            runtime,
            declared,
            records,
            Approval(
                package_arn=package.arn,
                created=package.created,
                version=package.version,
                status=package.approval_status,
                at=instant(whole_second(package.modified)),
                source=source,
            ),
        )


def _record(runtime: Runtime, declared: Declared, records: Records, approval: Approval) -> None:
    endpoint_name = declared.declaration.endpoint_name
    runtime.ledger.add_approval(endpoint_name, approval)
    records.approvals.append(approval)
    version, status, source = approval.version, approval.status, approval.source
    log("approval recorded", endpoint=endpoint_name, version=version, status=status, source=source)
