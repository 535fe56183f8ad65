"""How DescribeEndpoint shows the variants of an endpoint."""

from __future__ import annotations

from collections.abc import Mapping

from modelyard.local.sagemaker.context import Record
from modelyard.local.sagemaker.hosting.plans import VariantPlan

__all__ = ["live", "pending", "scaling"]


def live(plans: list[VariantPlan], now: float, running: Mapping[str, int] | None = None) -> list[Record]:
    """Variants in service: as much weight and as many instances as desired, or those that are ``running``."""
    return [
        {
            **_images(plan, now),
            "CurrentWeight": plan.weight,
            "DesiredWeight": plan.weight,
            "CurrentInstanceCount": plan.instances if running is None else running.get(plan.name, 0),
            "DesiredInstanceCount": plan.instances,
        }
        for plan in plans
    ]


def pending(
    plans: list[VariantPlan], now: float, status: str, message: str, active: Mapping[str, int] | None = None
) -> list[Record]:
    """Variants on their way, of which ``active`` instances have traffic.

    ``message`` may say ``{instances}`` and ``{active}``.
    """
    with_traffic = active or {}
    return [
        {
            **_images(plan, now),
            "CurrentWeight": plan.weight if with_traffic.get(plan.name) else 0.0,
            "DesiredWeight": plan.weight,
            "CurrentInstanceCount": with_traffic.get(plan.name, 0),
            "DesiredInstanceCount": plan.instances,
            "VariantStatus": [
                {
                    "Status": status,
                    "StatusMessage": message.format(instances=plan.instances, active=with_traffic.get(plan.name, 0)),
                    "StartTime": now,
                }
            ],
        }
        for plan in plans
    ]


def scaling(variant: Record, count: int, now: float) -> Record:
    """The status of a variant in service that goes to ``count`` instances."""
    way = "in" if count < variant["CurrentInstanceCount"] else "out"
    message = f"Scaling {way} desired instance count to {count}."
    return {"Status": "Updating", "StatusMessage": message, "StartTime": now}


def _images(plan: VariantPlan, now: float) -> Record:
    image = {"SpecifiedImage": plan.image, "ResolvedImage": plan.image, "ResolutionTime": now}
    return {"VariantName": plan.name, "DeployedImages": [image]}
