"""The states of an endpoint: every change of one is told, and kept across a crash."""

from __future__ import annotations

from typing import Any

from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.hosting import summaries
from modelyard.local.sagemaker.hosting.events import emit_deployment_change, emit_state_change
from modelyard.local.sagemaker.hosting.plans import VariantPlan, to_records

__all__ = ["change", "fail", "settle", "show_stage"]


def change(context: Context, endpoint: Record, status: str, **members: Any) -> None:
    """Give ``endpoint`` a new state, set ``members`` (None takes one away), and tell of it."""
    endpoint["EndpointStatus"] = status
    endpoint["LastModifiedTime"] = context.now()
    for member, value in members.items():
        if value is None:
            endpoint.pop(member, None)
        else:
            endpoint[member] = value
    emit_state_change(context, endpoint)
    context.snapshot()


def settle(context: Context, endpoint: Record, plans: list[VariantPlan], config: str, reason: str | None) -> None:
    """The endpoint is InService with ``plans`` of ``config``; ``reason`` says why that is not what was asked for."""
    change(
        context,
        endpoint,
        "InService",
        EndpointConfigName=config,
        ProductionVariants=summaries.live(plans, context.now()),
        FailureReason=reason,
        PendingDeploymentSummary=None,
        _plans=to_records(plans),
        _pending_plans=None,
    )


def fail(context: Context, endpoint: Record, reason: str) -> None:
    """The endpoint has no fleet, for ``reason``."""
    gone: dict[str, None] = {"ProductionVariants": None, "PendingDeploymentSummary": None, "_pending_plans": None}
    change(context, endpoint, "Failed", FailureReason=reason, **gone)


def show_stage(
    context: Context, endpoint: Record, plans: list[VariantPlan], active: dict[str, int], status: str, message: str
) -> None:
    """Show in PendingDeploymentSummary, and tell, how far a deployment is: ``active`` instances have traffic.

    ``message`` may say ``{instances}`` and ``{active}``, of each variant.
    """
    now = context.now()
    endpoint["PendingDeploymentSummary"]["ProductionVariants"] = summaries.pending(plans, now, status, message, active)
    endpoint["LastModifiedTime"] = now
    emit_deployment_change(context, endpoint)
    context.snapshot()
