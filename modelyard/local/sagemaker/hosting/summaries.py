"""How DescribeEndpoint shows the variants of an endpoint."""

from __future__ import annotations

from modelyard.local.sagemaker.context import Record
from modelyard.local.sagemaker.hosting.plans import VariantPlan

__all__ = ["live", "pending"]


def live(plans: list[VariantPlan], now: float) -> list[Record]:
    """Variants in service: as many instances and as much weight as desired."""
    return [
        {
            **_images(plan, now),
            "CurrentWeight": plan.weight,
            "DesiredWeight": plan.weight,
            "CurrentInstanceCount": plan.instances,
            "DesiredInstanceCount": plan.instances,
        }
        for plan in plans
    ]


def pending(plans: list[VariantPlan], now: float, status: str, message: str) -> list[Record]:
    """Variants on their way; ``message`` may say ``{instances}``."""
    return [
        {
            **_images(plan, now),
            "CurrentWeight": 0.0,
            "DesiredWeight": plan.weight,
            "CurrentInstanceCount": 0,
            "DesiredInstanceCount": plan.instances,
            "VariantStatus": [
                {
                    "Status": status,
                    "StatusMessage": message.format(instances=plan.instances),
                    "StartTime": now,
                }
            ],
        }
        for plan in plans
    ]


def _images(plan: VariantPlan, now: float) -> Record:
    image = {"SpecifiedImage": plan.image, "ResolvedImage": plan.image, "ResolutionTime": now}
    return {"VariantName": plan.name, "DeployedImages": [image]}
