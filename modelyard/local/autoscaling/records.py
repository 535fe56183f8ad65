"""Where scalable targets and scaling policies are kept: in the local SageMaker's tables, so with its state."""

from __future__ import annotations

from typing import Any

from modelyard.local.autoscaling.api import key_of, matching
from modelyard.local.autoscaling.errors import ObjectNotFoundException
from modelyard.local.sagemaker.context import Context, Record

__all__ = ["ACTIVITIES", "POLICIES", "TARGETS", "find_target", "policies_of"]

TARGETS = "scalable_targets"
POLICIES = "scaling_policies"
ACTIVITIES = "scaling_activities"


def find_target(context: Context, request: dict[str, Any]) -> Record:
    """The scalable target that ``request`` names; raises ``ObjectNotFoundException``."""
    try:
        return context.table(TARGETS)[request["ResourceId"]]
    except KeyError:
        raise ObjectNotFoundException(f"No scalable target registered for {key_of(request)}") from None


def policies_of(context: Context, resource_id: str) -> list[Record]:
    """The policies of a scalable target."""
    return matching({"ResourceId": resource_id}, context.table(POLICIES).values())
