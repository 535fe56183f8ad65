"""Scalable targets, and the tags on them."""

from __future__ import annotations

import json
import secrets
from typing import Any

from modelyard.local.autoscaling import policies
from modelyard.local.autoscaling.api import DIMENSION, matching, operation, page, require_supported, variant_of
from modelyard.local.autoscaling.errors import ResourceNotFoundException
from modelyard.local.autoscaling.records import TARGETS, find_target
from modelyard.local.autoscaling.scaling import enforce_bounds
from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.errors import ValidationException
from modelyard.local.sagemaker.hosting.names import ENDPOINTS, find
from modelyard.local.sagemaker.hosting.plans import VariantPlan, from_records

__all__ = ["deregister_orphans", "require_deregistered"]

_NOT_SUSPENDED = dict.fromkeys(
    ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended"), False
)
_ROLE = (
    "arn:aws:iam::{account}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)


def deregister_orphans(context: Context) -> None:
    """Deregister the targets of endpoints that were deleted, as SageMaker does when it deletes an endpoint; an endpoint
    that was made anew is another one.
    """
    with context.service.lock:
        for resource_id, target in list(context.table(TARGETS).items()):
            endpoint = context.table(ENDPOINTS).get(variant_of(resource_id).endpoint)
            if endpoint is None or endpoint["EndpointStatus"] == "Deleting" or _made(endpoint) != target["_endpoint"]:
                _deregister(context, resource_id)


def require_deregistered(context: Context, endpoint: Record, plans: list[VariantPlan]) -> None:
    """Refuse to update an endpoint to ``plans`` that change the instance type of a scalable target, or leave it out.

    See https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html
    """
    deregister_orphans(context)
    before = {plan.name: plan.instance_type for plan in from_records(endpoint["_plans"])}
    after = {plan.name: plan.instance_type for plan in plans}
    registered = [variant_of(resource_id) for resource_id in context.table(TARGETS)]
    own = [variant.name for variant in registered if variant.endpoint == endpoint["EndpointName"]]
    changed = sorted(name for name in own if after.get(name) != before.get(name))
    if changed:
        raise ValidationException(
            f"The variant(s) {json.dumps(changed)} must be deregistered as scalable targets with AWS Auto Scaling "
            "before they can be removed or have their instance type updated."
        )


@operation("RegisterScalableTarget")
def register_scalable_target(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    require_supported(request)
    deregister_orphans(context)
    variant = variant_of(request["ResourceId"])
    variant.shown(context)
    known = context.table(TARGETS).get(request["ResourceId"])
    made = _made(find(context, ENDPOINTS, variant.endpoint))
    target = {**(known or _new(context, request)), **_given(request), "_endpoint": made}
    _check_bounds(target)
    if known is not None and request.get("Tags"):
        raise ValidationException("Tags can be given only when a scalable target is registered; use TagResource.")
    context.table(TARGETS)[request["ResourceId"]] = target
    enforce_bounds(context, target)
    context.snapshot()
    return {"ScalableTargetARN": target["ScalableTargetARN"]}


@operation("DeregisterScalableTarget")
def deregister_scalable_target(context: Context, request: dict[str, Any]) -> None:
    require_supported(request)
    find_target(context, request)
    _deregister(context, request["ResourceId"])


@operation("DescribeScalableTargets")
def describe_scalable_targets(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    require_supported(request)
    wanted = request.get("ResourceIds")
    deregister_orphans(context)
    found = [
        target
        for target in matching(request, context.table(TARGETS).values())
        if wanted is None or target["ResourceId"] in wanted
    ]
    return page(request, found, "ScalableTargets")


@operation("TagResource")
def tag_resource(context: Context, request: dict[str, Any]) -> None:
    _tagged(context, request)["_tags"].update(request["Tags"])
    context.snapshot()


@operation("UntagResource")
def untag_resource(context: Context, request: dict[str, Any]) -> None:
    tags = _tagged(context, request)["_tags"]
    for key in request["TagKeys"]:
        tags.pop(key, None)
    context.snapshot()


@operation("ListTagsForResource")
def list_tags_for_resource(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return {"Tags": _tagged(context, request)["_tags"]}


def _made(endpoint: Record) -> float:
    return float(endpoint["CreationTime"])


def _deregister(context: Context, resource_id: str) -> None:
    policies.delete_all(context, resource_id)
    del context.table(TARGETS)[resource_id]
    context.snapshot()


def _new(context: Context, request: dict[str, Any]) -> Record:
    for member in ("MinCapacity", "MaxCapacity"):
        if member not in request:
            raise ValidationException(f"{member} must be specified when a scalable target is registered.")
    arn = f"arn:aws:application-autoscaling:{context.region}:{context.account}:scalable-target/{secrets.token_hex(18)}"
    return {
        "ServiceNamespace": request["ServiceNamespace"],
        "ResourceId": request["ResourceId"],
        "ScalableDimension": DIMENSION,
        "RoleARN": _ROLE.format(account=context.account),
        "CreationTime": context.now(),
        "SuspendedState": _NOT_SUSPENDED,
        "ScalableTargetARN": arn,
        "_tags": dict(request.get("Tags", {})),
    }


def _given(request: dict[str, Any]) -> Record:
    given: Record = {name: request[name] for name in ("MinCapacity", "MaxCapacity") if name in request}
    if "SuspendedState" in request:
        given["SuspendedState"] = {**_NOT_SUSPENDED, **request["SuspendedState"]}
    return given


def _check_bounds(target: Record) -> None:
    if target["MinCapacity"] < 1:
        raise ValidationException(
            f"A MinCapacity of {target['MinCapacity']} is not supported: a real-time production variant has at least 1 "
            "instance."
        )
    if target["MaxCapacity"] < target["MinCapacity"]:
        raise ValidationException("Maximum capacity cannot be less than minimum capacity")


def _tagged(context: Context, request: dict[str, Any]) -> Record:
    for target in context.table(TARGETS).values():
        if target["ScalableTargetARN"] == request["ResourceARN"]:
            return target
    raise ResourceNotFoundException(f"The specified resource {request['ResourceARN']} does not exist.")
