"""Target tracking: the metric of a policy, its two alarms, and the capacity that a metric calls for, see
https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""

from __future__ import annotations

import math
from typing import Any

from modelyard.local.autoscaling.api import Variant
from modelyard.local.sagemaker.context import Record
from modelyard.local.sagemaker.errors import ValidationException

__all__ = ["alarms", "capacity_for", "check", "metric"]

_PREDEFINED = "SageMakerVariantInvocationsPerInstance"
# "Target tracking scaling policies are more aggressive in adding capacity than in removing it": three minutes above the
# target, fifteen minutes under nine tenths of it.
_HIGH_PERIODS, _LOW_PERIODS = 3, 15
_LOW_SHARE = 0.9
_PERIOD = 60


def check(configuration: dict[str, Any]) -> None:
    """Raise ``ValidationException`` for a configuration that cannot be tracked."""
    predefined = configuration.get("PredefinedMetricSpecification")
    customized = configuration.get("CustomizedMetricSpecification")
    if (predefined is None) == (customized is None):
        raise ValidationException(
            "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be specified."
        )
    if predefined is not None and predefined["PredefinedMetricType"] != _PREDEFINED:
        raise ValidationException(
            f"The PredefinedMetricType {predefined['PredefinedMetricType']} is not supported by the local AWS for "
            f"production variants; {_PREDEFINED} is."
        )
    if customized is not None and customized.get("Metrics"):
        raise ValidationException("CustomizedMetricSpecification.Metrics is not supported by the local AWS.")
    if customized is not None:
        absent = [name for name in ("MetricName", "Namespace", "Statistic") if not customized.get(name)]
        if absent:
            raise ValidationException(f"CustomizedMetricSpecification must specify {' and '.join(absent)}.")
    if configuration["TargetValue"] <= 0:
        raise ValidationException(f"TargetValue must be greater than 0, not {configuration['TargetValue']}.")


def metric(variant: Variant, configuration: dict[str, Any]) -> dict[str, Any]:
    """The metric that is tracked, as members of PutMetricAlarm."""
    customized = configuration.get("CustomizedMetricSpecification")
    if customized is not None:
        return {
            "Namespace": customized["Namespace"],
            "MetricName": customized["MetricName"],
            "Dimensions": customized.get("Dimensions", []),
            "Statistic": customized["Statistic"],
            **({"Unit": customized["Unit"]} if customized.get("Unit") else {}),
        }
    return {
        "Namespace": "AWS/SageMaker",
        "MetricName": "InvocationsPerInstance",
        "Dimensions": [
            {"Name": "EndpointName", "Value": variant.endpoint},
            {"Name": "VariantName", "Value": variant.name},
        ],
        "Statistic": "Sum",
    }


def alarms(variant: Variant, policy: Record) -> dict[str, dict[str, Any]]:
    """The alarms of ``policy``, High and, if it scales in, Low, as inputs of PutMetricAlarm without names."""
    configuration = policy["TargetTrackingScalingPolicyConfiguration"]
    common = {
        **metric(variant, configuration),
        "Period": _PERIOD,
        "AlarmActions": [policy["PolicyARN"]],
        "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy['PolicyARN']}.",
    }
    target = configuration["TargetValue"]
    made = {"High": _alarm(common, "GreaterThanThreshold", target, _HIGH_PERIODS)}
    if not configuration.get("DisableScaleIn"):
        made["Low"] = _alarm(common, "LessThanThreshold", target * _LOW_SHARE, _LOW_PERIODS)
    return made


def capacity_for(capacity: int, value: float, target: float) -> int:
    """How many instances bring a metric that is ``value`` with ``capacity`` of them to ``target`` at most."""
    # What is over a whole number by a rounding error calls for no further instance.
    return math.ceil(capacity * value / target - 1e-9)


def _alarm(common: dict[str, Any], comparison: str, threshold: float, periods: int) -> dict[str, Any]:
    return {**common, "ComparisonOperator": comparison, "Threshold": threshold, "EvaluationPeriods": periods}
