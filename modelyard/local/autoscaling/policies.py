"""Scaling policies and the alarms that target tracking makes for them."""

from __future__ import annotations

import uuid
from typing import Any

from modelyard.local.autoscaling import steps, tracking
from modelyard.local.autoscaling.api import key_of, matching, operation, page, require_supported, variant_of
from modelyard.local.autoscaling.decisions import CONFIGURATIONS
from modelyard.local.autoscaling.errors import ObjectNotFoundException
from modelyard.local.autoscaling.records import POLICIES, find_target, policies_of
from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.errors import ValidationException

__all__ = ["delete_all"]


def delete_all(context: Context, resource_id: str) -> None:
    """Delete the policies of a scalable target, with their alarms."""
    for policy in policies_of(context, resource_id):
        _delete(context, policy)


@operation("PutScalingPolicy")
def put_scaling_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    require_supported(request)
    variant_of(request["ResourceId"])
    find_target(context, request)
    known = context.table(POLICIES).get(_key(request))
    kind = request.get("PolicyType") or (known["PolicyType"] if known else "StepScaling")
    if kind not in CONFIGURATIONS:
        raise ValidationException(f"The PolicyType {kind} is not supported by the local AWS.")
    if known is not None and kind != known["PolicyType"]:
        raise ValidationException("The PolicyType of a scaling policy cannot be changed.")
    configuration = request.get(CONFIGURATIONS[kind])
    if configuration is None:
        raise ValidationException(f"{CONFIGURATIONS[kind]} must be specified for the PolicyType {kind}.")
    (tracking if kind == "TargetTrackingScaling" else steps).check(configuration)
    policy = {
        **(known or _new(context, request)),
        "PolicyType": kind,
        CONFIGURATIONS[kind]: configuration,
    }
    if kind == "TargetTrackingScaling":
        _require_only_one(context, policy)
        policy["Alarms"] = _put_alarms(context, policy)
    context.table(POLICIES)[_key(request)] = policy
    context.snapshot()
    return {"PolicyARN": policy["PolicyARN"], "Alarms": policy["Alarms"]}


@operation("DeleteScalingPolicy")
def delete_scaling_policy(context: Context, request: dict[str, Any]) -> None:
    require_supported(request)
    policy = context.table(POLICIES).get(_key(request))
    if policy is None:
        raise ObjectNotFoundException(
            f"No scaling policy found for {key_of(request)}, policy name: {request['PolicyName']}"
        )
    _delete(context, policy)
    context.snapshot()


@operation("DescribeScalingPolicies")
def describe_scaling_policies(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    require_supported(request)
    names = request.get("PolicyNames")
    found = matching(request, context.table(POLICIES).values())
    return page(request, [each for each in found if names is None or each["PolicyName"] in names], "ScalingPolicies")


def _key(request: dict[str, Any]) -> str:
    return f"{request['ResourceId']}:{request['PolicyName']}"


def _new(context: Context, request: dict[str, Any]) -> Record:
    resource = f"{request['ServiceNamespace']}/{request['ResourceId']}"
    return {
        "PolicyARN": f"arn:aws:autoscaling:{context.region}:{context.account}:scalingPolicy:{uuid.uuid4()}:"
        f"resource/{resource}:policyName/{request['PolicyName']}",
        **{name: request[name] for name in ("PolicyName", "ServiceNamespace", "ResourceId", "ScalableDimension")},
        "Alarms": [],
        "CreationTime": context.now(),
    }


def _require_only_one(context: Context, policy: Record) -> None:
    variant = variant_of(policy["ResourceId"])
    tracked = tracking.metric(variant, policy["TargetTrackingScalingPolicyConfiguration"])
    for other in policies_of(context, policy["ResourceId"]):
        configuration = other.get("TargetTrackingScalingPolicyConfiguration")
        if other["PolicyName"] == policy["PolicyName"] or configuration is None:
            continue
        if tracking.metric(variant, configuration) == tracked:
            raise ValidationException(
                "Only one TargetTrackingScaling policy for a given metric specification is allowed; "
                f"{other['PolicyName']} tracks the same."
            )


def _put_alarms(context: Context, policy: Record) -> list[Record]:
    cloudwatch, prefix = context.client("cloudwatch"), f"TargetTracking-{policy['ResourceId']}-Alarm"
    wanted = tracking.alarms(variant_of(policy["ResourceId"]), policy)
    before = {alarm["AlarmName"].removeprefix(prefix).partition("-")[0]: alarm for alarm in policy["Alarms"]}
    put = []
    for kind, alarm in wanted.items():
        name = before[kind]["AlarmName"] if kind in before else f"{prefix}{kind}-{uuid.uuid4()}"
        cloudwatch.put_metric_alarm(AlarmName=name, **alarm)
        arn = f"arn:aws:cloudwatch:{context.region}:{context.account}:alarm:{name}"
        put.append({"AlarmName": name, "AlarmARN": arn})
    gone = [alarm["AlarmName"] for kind, alarm in before.items() if kind not in wanted]
    if gone:
        cloudwatch.delete_alarms(AlarmNames=gone)
    return put


def _delete(context: Context, policy: Record) -> None:
    if policy["Alarms"]:
        context.client("cloudwatch").delete_alarms(AlarmNames=[alarm["AlarmName"] for alarm in policy["Alarms"]])
    del context.table(POLICIES)[_key(policy)]
