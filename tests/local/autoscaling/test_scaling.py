"""Endpoints that follow their metric, in a local AWS whose minutes are short."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.autoscaling.scaled_endpoint import ScaledEndpoint
from tests.local.fast_aws import eventually, up_fast
from tests.local_aws import LocalAws

NO_COOLDOWN: dict[str, Any] = {"ScaleOutCooldown": 0, "ScaleInCooldown": 0}


def test_instances_follow_the_published_metric_within_their_bounds(endpoint: ScaledEndpoint) -> None:
    endpoint.register(1, 3)
    endpoint.track(10.0, **NO_COOLDOWN)
    alarms = endpoint.alarms()
    endpoint.await_instances(3, value=500.0)
    (activity,) = endpoint.await_successful(1)
    assert activity["Description"] == "Setting desired instance count to 3."
    assert activity["Cause"] == f"monitor alarm {alarms['High']['AlarmName']} in state ALARM triggered policy policy"
    assert activity["StatusMessage"] == (
        "Successfully set desired instance count to 3. Change successfully fulfilled by sagemaker."
    )
    assert activity["EndTime"] >= activity["StartTime"]
    endpoint.await_instances(1, value=0.001)
    newest = endpoint.await_successful(2)[0]
    assert newest["Cause"] == f"monitor alarm {alarms['Low']['AlarmName']} in state ALARM triggered policy policy"
    assert endpoint.maker.invoke(endpoint.name)


def test_no_instance_is_taken_away_where_scale_in_is_off(endpoint: ScaledEndpoint) -> None:
    endpoint.register(1, 2)
    endpoint.track(10.0, DisableScaleIn=True, **NO_COOLDOWN)
    endpoint.await_instances(2, value=500.0)

    def quiet() -> bool:
        endpoint.publish(0.001)
        return endpoint.state("High") == "OK"

    eventually(quiet, "a quiet metric")
    assert endpoint.instances() == 2


def test_a_suspended_target_does_not_scale_out_until_it_is_resumed(endpoint: ScaledEndpoint) -> None:
    endpoint.register(1, 2, SuspendedState={"DynamicScalingOutSuspended": True})
    endpoint.track(10.0, **NO_COOLDOWN)

    def busy() -> bool:
        endpoint.publish(500.0)
        return endpoint.state("High") == "ALARM"

    eventually(busy, "a busy metric")
    assert endpoint.activities() == []
    endpoint.register(1, 2, SuspendedState={"DynamicScalingOutSuspended": False})
    endpoint.await_instances(2, value=500.0)


@pytest.mark.parametrize(
    ("bounds", "instances", "cause"),
    [((2, 3), 2, "minimum capacity was set to 2"), ((1, 3), 1, None)],
)
def test_registering_brings_the_capacity_between_the_bounds(
    endpoint: ScaledEndpoint, bounds: tuple[int, int], instances: int, cause: str | None
) -> None:
    endpoint.register(*bounds)
    endpoint.await_instances(instances)
    found = endpoint.await_successful(1) if cause else endpoint.activities()
    assert [activity["Cause"] for activity in found] == ([cause] if cause else [])


def test_lowering_the_maximum_takes_instances_away(endpoint: ScaledEndpoint) -> None:
    endpoint.register(2, 2)
    endpoint.await_successful(1)
    endpoint.register(1, 1)
    newest = endpoint.await_successful(2)[0]
    assert newest["Cause"] == "maximum capacity was set to 1"
    assert endpoint.instances() == 1


def test_an_alarm_of_one_s_own_invokes_a_step_scaling_policy(endpoint: ScaledEndpoint) -> None:
    endpoint.register(1, 3)
    steps = {
        "AdjustmentType": "ChangeInCapacity",
        "Cooldown": 0,
        "StepAdjustments": [
            {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 5, "ScalingAdjustment": 1},
            {"MetricIntervalLowerBound": 5, "ScalingAdjustment": 2},
        ],
    }
    policy = endpoint.scaling.put_scaling_policy(
        **endpoint.key, PolicyName="steps", PolicyType="StepScaling", StepScalingPolicyConfiguration=steps
    )
    assert policy["Alarms"] == []
    alarm, metric = endpoint.unique("queue"), endpoint.unique("Queue")
    endpoint.cloudwatch.put_metric_alarm(
        AlarmName=alarm,
        Namespace="Tests",
        MetricName=metric,
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=10,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        AlarmActions=[policy["PolicyARN"]],
    )
    endpoint.cloudwatch.put_metric_data(Namespace="Tests", MetricData=[{"MetricName": metric, "Value": 20}])
    endpoint.await_instances(3)
    assert endpoint.await_successful(1)[0]["Cause"] == f"monitor alarm {alarm} in state ALARM triggered policy steps"
    endpoint.cloudwatch.delete_alarms(AlarmNames=[alarm])


def test_the_instance_type_of_a_scalable_target_stays_and_its_model_may_change(endpoint: ScaledEndpoint) -> None:
    sagemaker, other = endpoint.maker.sagemaker, {"name": "other"}
    larger = endpoint.maker.config_of(other, InstanceType="ml.c5.4xlarge")
    endpoint.register(1, 3)
    refusal = (
        r'The variant\(s\) \["AllTraffic"\] must be deregistered as scalable targets with AWS Auto Scaling before they '
        "can be removed or have their instance type updated."
    )
    with pytest.raises(ClientError, match=refusal):
        sagemaker.update_endpoint(EndpointName=endpoint.name, EndpointConfigName=larger)
    assert endpoint.maker.settled(endpoint.name)["EndpointStatus"] == "InService"
    sagemaker.update_endpoint(EndpointName=endpoint.name, EndpointConfigName=endpoint.maker.config_of(other))
    endpoint.maker.settled(endpoint.name)
    endpoint.scaling.deregister_scalable_target(**endpoint.key)
    sagemaker.update_endpoint(EndpointName=endpoint.name, EndpointConfigName=larger)
    assert endpoint.maker.settled(endpoint.name)["EndpointConfigName"] == larger


def test_an_endpoint_takes_its_target_policies_and_alarms_with_it(endpoint: ScaledEndpoint) -> None:
    endpoint.register(1, 2)
    endpoint.track(10.0, **NO_COOLDOWN)
    endpoint.maker.sagemaker.delete_endpoint(EndpointName=endpoint.name)
    found = endpoint.scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[endpoint.key["ResourceId"]]
    )
    assert found["ScalableTargets"] == []
    assert endpoint.alarms() == {}


def test_targets_policies_activities_and_alarms_survive_down_and_up(tmp_path_factory: pytest.TempPathFactory) -> None:
    aws = LocalAws(tmp_path_factory.mktemp("own-fast-aws"))
    try:
        endpoint = ScaledEndpoint(up_fast(aws))
        arn = endpoint.register(2, 3)
        policy = endpoint.track(10.0, **NO_COOLDOWN)
        before = endpoint.await_successful(1)
        aws.down()
        up_fast(aws)
        scaling = aws.client("application-autoscaling")
        (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        assert target["ScalableTargetARN"] == arn
        (kept,) = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
        assert (kept["PolicyARN"], kept["Alarms"]) == (policy["PolicyARN"], policy["Alarms"])
        assert scaling.describe_scaling_activities(ServiceNamespace="sagemaker")["ScalingActivities"] == before
        endpoint.scaling, endpoint.cloudwatch = scaling, aws.client("cloudwatch")
        endpoint.maker.sagemaker = aws.client("sagemaker")
        endpoint.await_instances(3, value=500.0)
    finally:
        aws.down()
