"""Scaling: target tracking on invocations per instance, by Application Auto Scaling.

https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .artifacts import VARIANT
from .checks import NUMBER, OPTIONAL_NUMBER, DeclarationError, Kinds, check, check_range
from .errors import unless_absent

_KEYS: dict[str, Kinds] = {
    "min": NUMBER,
    "max": NUMBER,
    "invocations_per_instance": (int, float),
    "scale_in_cooldown_seconds": OPTIONAL_NUMBER,
    "scale_out_cooldown_seconds": OPTIONAL_NUMBER,
}
_MOST_INSTANCES = 1000
_COOLDOWN = (0, 3600)
_POLICY = "invocations-per-instance"
# Capacity is kept over an update; weight and capture are as the new config says.
RETAIN: dict[str, Any] = {
    "RetainAllVariantProperties": True,
    "ExcludeRetainedVariantProperties": [
        {"VariantPropertyType": "DesiredWeight"},
        {"VariantPropertyType": "DataCaptureConfig"},
    ],
}


@dataclass(frozen=True)
class Scaling:
    """Instances from `min` to `max`, so many that each answers `invocations_per_instance` requests a minute."""

    min: int
    max: int
    invocations_per_instance: float
    scale_in_cooldown_seconds: int = 300
    scale_out_cooldown_seconds: int = 300


def parse(value: Any, where: str) -> Scaling:
    """The scaling that a declaration names; a DeclarationError if it breaks Application Auto Scaling's rules."""
    check(value, _KEYS, where)
    check_range(value["min"], 1, _MOST_INSTANCES, f"{where}: min")
    check_range(value["max"], value["min"], _MOST_INSTANCES, f"{where}: max")
    if value["invocations_per_instance"] <= 0:
        given = value["invocations_per_instance"]
        raise DeclarationError(f"{where}: invocations_per_instance is {given}; expected more than 0")
    for key in ("scale_in_cooldown_seconds", "scale_out_cooldown_seconds"):
        check_range(value.get(key), *_COOLDOWN, f"{where}: {key}")
    return Scaling(**{key: item for key, item in value.items() if item is not None})


def _variant(endpoint_name: str) -> dict[str, str]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint_name}/variant/{VARIANT}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }


def deregister(autoscaling: Any, endpoint_name: str) -> None:
    """Remove the scalable target, with its policy and that one's alarms; absent counts as done."""
    unless_absent(autoscaling.deregister_scalable_target, **_variant(endpoint_name))


def apply(autoscaling: Any, endpoint_name: str, wanted: Scaling | None) -> list[str]:
    """Make the scalable target and its policy what is `wanted`; return the calls that it took."""
    variant = _variant(endpoint_name)
    targets = autoscaling.describe_scalable_targets(
        ServiceNamespace=variant["ServiceNamespace"],
        ResourceIds=[variant["ResourceId"]],
        ScalableDimension=variant["ScalableDimension"],
    )["ScalableTargets"]
    if wanted is None:
        if targets:
            deregister(autoscaling, endpoint_name)
        return ["deregistered"] if targets else []
    done = []
    bounds = {"MinCapacity": wanted.min, "MaxCapacity": wanted.max}
    if not targets or any(targets[0][key] != value for key, value in bounds.items()):
        autoscaling.register_scalable_target(**variant, **bounds)
        done.append("registered")
    policies = autoscaling.describe_scaling_policies(**variant)["ScalingPolicies"] if targets else []
    if not any(_same(policy, wanted) for policy in policies):
        autoscaling.put_scaling_policy(
            **variant,
            PolicyName=_POLICY,
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=_tracking(wanted),
        )
        done.append("policy put")
    return done


def clamped(count: int, declared_count: int, wanted: Scaling | None) -> int:
    """How many instances there should be where there are `count`: within the bounds, or as many as declared."""
    return min(max(count, wanted.min), wanted.max) if wanted else declared_count


def set_count(sagemaker: Any, endpoint_name: str, count: int) -> None:
    """Ask SageMaker for another number of instances."""
    wanted = [{"VariantName": VARIANT, "DesiredInstanceCount": count}]
    sagemaker.update_endpoint_weights_and_capacities(EndpointName=endpoint_name, DesiredWeightsAndCapacities=wanted)


def _same(policy: dict[str, Any], wanted: Scaling) -> bool:
    given = policy.get("TargetTrackingScalingPolicyConfiguration", {})
    return policy["PolicyName"] == _POLICY and all(given.get(key) == value for key, value in _tracking(wanted).items())


def _tracking(wanted: Scaling) -> dict[str, Any]:
    return {
        "TargetValue": float(wanted.invocations_per_instance),
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        "ScaleInCooldown": wanted.scale_in_cooldown_seconds,
        "ScaleOutCooldown": wanted.scale_out_cooldown_seconds,
    }
