"""The metrics of a real endpoint, in a local AWS whose minutes are short."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.fast_aws import eventually
from tests.local.sagemaker.hosting.endpoint_maker import EndpointMaker
from tests.local_aws import LocalAws


@pytest.fixture
def maker(fast_aws: LocalAws) -> Iterator[EndpointMaker]:
    made = EndpointMaker(fast_aws)
    try:
        yield made
    finally:
        made.clean_up()


def total(aws: LocalAws, name: str, dimensions: dict[str, str], statistic: str = "Sum") -> float | None:
    """The statistic over the last hours; None where nothing is published."""
    namespace = "/aws/sagemaker/Endpoints" if name.endswith("Utilization") else "AWS/SageMaker"
    metric = {"Namespace": namespace, "MetricName": name}
    shown = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    stat = {"Metric": {**metric, "Dimensions": shown}, "Period": 86_400, "Stat": statistic}
    (result,) = aws.client("cloudwatch").get_metric_data(
        MetricDataQueries=[{"Id": "q", "MetricStat": stat}],
        StartTime=time.time() - 2 * 86_400,
        EndTime=time.time() + 60,
    )["MetricDataResults"]
    return result["Values"][-1] if result["Values"] else None


def test_each_invocation_is_counted_for_the_variant_and_its_configuration(maker: EndpointMaker) -> None:
    config = maker.config_of({"name": "model"}, InitialInstanceCount=2)
    endpoint = maker.endpoint(config)
    for _ in range(4):
        maker.invoke(endpoint)
    for body in (b"garbage", b"raise", b"raise"):
        with pytest.raises(ClientError, match="ModelError"):
            maker.invoke(endpoint, body)
    variant = {"EndpointName": endpoint, "VariantName": "AllTraffic"}
    sums = {"Invocations": 7, "InvocationsPerInstance": 3.5, "Invocation4XXErrors": 1, "Invocation5XXErrors": 2}
    for dimensions in (variant, {**variant, "EndpointConfigName": config}):
        eventually(lambda where=dimensions: total(maker.aws, "Invocations", where) == 7, "all invocations")  # type: ignore[misc]
        assert {name: total(maker.aws, name, dimensions) for name in sums} == sums
        assert total(maker.aws, "InvocationModelErrors", dimensions) == 3
        assert total(maker.aws, "Invocation5XXErrors", dimensions, "Average") == pytest.approx(2 / 7)
        assert (total(maker.aws, "ModelLatency", dimensions, "Minimum") or 0) > 0
        assert total(maker.aws, "OverheadLatency", dimensions, "SampleCount") == 7


def test_the_usage_of_the_instances_is_published(maker: EndpointMaker) -> None:
    endpoint = maker.endpoint(maker.config_of({"name": "model"}))
    variant = {"EndpointName": endpoint, "VariantName": "AllTraffic"}
    memory = eventually(lambda: total(maker.aws, "MemoryUtilization", variant, "Maximum"), "memory")
    assert 0 < memory < 100
    eventually(lambda: total(maker.aws, "CPUUtilization", variant, "SampleCount"), "CPU")


def test_an_alarm_on_the_new_configuration_does_not_see_the_old_one_s_errors(maker: EndpointMaker) -> None:
    bad, good = (maker.config_of({"name": name}) for name in ("bad", "good"))
    endpoint = maker.endpoint(bad)
    cloudwatch = maker.aws.client("cloudwatch")
    alarms = {config: f"{config}-5xx" for config in (bad, good)}
    for config, alarm in alarms.items():
        dimensions = {"EndpointName": endpoint, "VariantName": "AllTraffic", "EndpointConfigName": config}
        cloudwatch.put_metric_alarm(
            AlarmName=alarm,
            Namespace="AWS/SageMaker",
            MetricName="Invocation5XXErrors",
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            Statistic="Average",
            Period=60,
            EvaluationPeriods=1,
            Threshold=0.5,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
        )

    def states() -> dict[str, Any]:
        found = cloudwatch.describe_alarms(AlarmNames=list(alarms.values()))["MetricAlarms"]
        return {alarm["AlarmName"]: alarm["StateValue"] for alarm in found}

    with pytest.raises(ClientError, match="ModelError"):
        maker.invoke(endpoint, b"raise")
    eventually(lambda: states() == {alarms[bad]: "ALARM", alarms[good]: "OK"}, "the alarm of the bad one alone")
    cloudwatch.delete_alarms(AlarmNames=list(alarms.values()))
