"""Scaling activities: changing the instances of a variant, one change at a time.

A change is asked for by UpdateEndpointWeightsAndCapacities, as Application Auto Scaling does; the endpoint is Updating
until its processes are there, and the activity is InProgress.
"""

from __future__ import annotations

import uuid
from typing import Any

from modelyard.local.autoscaling.api import operation, page, require_supported, variant_of
from modelyard.local.autoscaling.records import ACTIVITIES
from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.errors import SageMakerError
from modelyard.local.sagemaker.hosting.names import ENDPOINTS
from modelyard.local.sagemaker.protocol import call

__all__ = ["begin", "capacity", "enforce_bounds", "last_activity", "settle"]

# "Application Auto Scaling provides information about the scaling activities in the specified namespace from the
# previous six weeks."
_KEPT_SECONDS = 6 * 7 * 86_400


def capacity(context: Context, resource_id: str) -> int | None:
    """How many instances the variant has; None while its endpoint takes no change."""
    variant = variant_of(resource_id)
    endpoint = context.table(ENDPOINTS).get(variant.endpoint)
    if endpoint is None or endpoint["EndpointStatus"] != "InService":
        return None
    shown = [each for each in endpoint["ProductionVariants"] if each["VariantName"] == variant.name]
    return int(shown[0]["DesiredInstanceCount"]) if shown else None


def begin(context: Context, target: Record, current: int, desired: int, cause: str) -> None:
    """Ask for ``desired`` instances in the place of ``current``; the activity tells whether that was accepted."""
    resource_id = target["ResourceId"]
    variant = variant_of(resource_id)
    activity: Record = {
        "ActivityId": str(uuid.uuid4()),
        **{name: target[name] for name in ("ServiceNamespace", "ResourceId", "ScalableDimension")},
        "Description": f"Setting desired instance count to {desired}.",
        "Cause": cause,
        "StartTime": context.now(),
        "StatusCode": "InProgress",
        "StatusMessage": f"Successfully set desired instance count to {desired}. Waiting for change to be fulfilled by "
        "sagemaker.",
        "_desired": desired,
        "_before": current,
    }
    context.table(ACTIVITIES)[activity["ActivityId"]] = activity
    wanted = [{"VariantName": variant.name, "DesiredInstanceCount": desired}]
    request = {"EndpointName": variant.endpoint, "DesiredWeightsAndCapacities": wanted}
    try:
        call(context, "UpdateEndpointWeightsAndCapacities", request)
    except SageMakerError as error:
        _end(context, activity, "Failed", f"Failed to set desired instance count to {desired}. Reason: {error.message}")
    context.snapshot()


def enforce_bounds(context: Context, target: Record) -> None:
    """Bring the capacity between the target's bounds: "anytime … the RegisterScalableTarget API is called, Application
    Auto Scaling retrieves the current capacity and compares it to the minimum and maximum capacity". While the endpoint
    takes no change this is left to the next scaling policy that is invoked.
    """
    current = capacity(context, target["ResourceId"])
    if current is None or target["MinCapacity"] <= current <= target["MaxCapacity"]:
        return
    which = "minimum" if current < target["MinCapacity"] else "maximum"
    desired = target["MinCapacity"] if which == "minimum" else target["MaxCapacity"]
    begin(context, target, current, desired, f"{which} capacity was set to {desired}")


def last_activity(context: Context, resource_id: str) -> Record | None:
    """The activity of the target that began last and did not fail."""
    found = [
        activity
        for activity in context.table(ACTIVITIES).values()
        if activity["ResourceId"] == resource_id and activity["StatusCode"] != "Failed"
    ]
    return max(found, key=lambda activity: float(activity["StartTime"]), default=None)


def settle(context: Context) -> None:
    """Give the activities in progress their end once their endpoints are in service again."""
    with context.service.lock:
        for activity in list(context.table(ACTIVITIES).values()):
            if activity["StatusCode"] == "InProgress":
                _settle(context, activity)
            elif context.now() - activity["StartTime"] > _KEPT_SECONDS:
                del context.table(ACTIVITIES)[activity["ActivityId"]]


def _settle(context: Context, activity: Record) -> None:
    endpoint = context.table(ENDPOINTS).get(variant_of(activity["ResourceId"]).endpoint)
    if endpoint is not None and endpoint["EndpointStatus"] not in ("InService", "Failed"):
        return
    desired = activity["_desired"]
    if capacity(context, activity["ResourceId"]) == desired:
        message = f"Successfully set desired instance count to {desired}. Change successfully fulfilled by sagemaker."
        _end(context, activity, "Successful", message)
        return
    reason = "The endpoint does not exist." if endpoint is None else endpoint.get("FailureReason") or "It was changed."
    _end(context, activity, "Failed", f"Failed to set desired instance count to {desired}. Reason: {reason}")


def _end(context: Context, activity: Record, status: str, message: str) -> None:
    activity.update(StatusCode=status, StatusMessage=message, EndTime=context.now())
    context.snapshot()


@operation("DescribeScalingActivities")
def describe_scaling_activities(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    require_supported(request)
    settle(context)
    wanted = {name: request[name] for name in ("ResourceId", "ScalableDimension") if name in request}
    found = [
        activity
        for activity in context.table(ACTIVITIES).values()
        if all(activity[name] == value for name, value in wanted.items())
    ]
    found.sort(key=lambda activity: float(activity["StartTime"]), reverse=True)
    return page(request, found, "ScalingActivities")
