"""DeploymentConfigs, and alarms that a test trips."""

from __future__ import annotations

from typing import Any

from tests.local.sagemaker.hosting.endpoint_maker import EndpointMaker

# Longer than any test: what waits so long goes on only because of something else.
FOR_EVER = 3600


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def instances(value: int) -> dict[str, Any]:
    return {"Type": "INSTANCE_COUNT", "Value": value}


def blue_green(kind: str = "ALL_AT_ONCE", *, wait: int = 0, bake: int = 0, **routing: Any) -> dict[str, Any]:
    config = {"Type": kind, "WaitIntervalInSeconds": wait, **routing}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": config, "TerminationWaitInSeconds": bake}}


def canary(size: dict[str, Any], *, wait: int = 0, bake: int = 0) -> dict[str, Any]:
    return blue_green("CANARY", wait=wait, bake=bake, CanarySize=size)


def linear(size: dict[str, Any], *, wait: int = 0, bake: int = 0) -> dict[str, Any]:
    return blue_green("LINEAR", wait=wait, bake=bake, LinearStepSize=size)


def rolling(batch: dict[str, Any], *, wait: int = 0, **more: Any) -> dict[str, Any]:
    return {"RollingUpdatePolicy": {"MaximumBatchSize": batch, "WaitIntervalInSeconds": wait, **more}}


def guarded(config: dict[str, Any], *alarms: str) -> dict[str, Any]:
    return {**config, "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]}}


def make_alarm(maker: EndpointMaker) -> str:
    """An alarm that keeps the state it is given: nothing is ever published of its metric."""
    name = maker.name("alarm")
    maker.aws.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace="Tests",
        MetricName=name,
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
    )
    return name


def trip(maker: EndpointMaker, alarm: str) -> None:
    maker.aws.client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="5 of 5 failed")
