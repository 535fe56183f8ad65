"""Targets, policies and tags through boto3, right and wrong."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.local.autoscaling.scaled_endpoint import DIMENSION, ScaledEndpoint
from tests.local_aws import LocalAws

INVOCATIONS = {"PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}}


@pytest.fixture(scope="module")
def shared(fast_aws: LocalAws) -> Iterator[ScaledEndpoint]:
    made = ScaledEndpoint(fast_aws)
    try:
        yield made
    finally:
        made.clean_up()


@pytest.fixture
def registered(shared: ScaledEndpoint) -> Iterator[ScaledEndpoint]:
    shared.register()
    yield shared
    shared.scaling.deregister_scalable_target(**shared.key)


def error(function: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as raised:
        function(**request)
    found = raised.value.response["Error"]
    return f"{found['Code']}: {found['Message']}"


def test_a_target_is_described_as_it_was_registered(shared: ScaledEndpoint) -> None:
    arn = shared.register(1, 2, SuspendedState={"DynamicScalingInSuspended": True})
    (target,) = shared.scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[shared.key["ResourceId"]]
    )["ScalableTargets"]
    assert {name: target[name] for name in shared.key} == shared.key
    assert (target["MinCapacity"], target["MaxCapacity"], target["ScalableTargetARN"]) == (1, 2, arn)
    assert target["RoleARN"].endswith("/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint")
    assert target["SuspendedState"] == {
        "DynamicScalingInSuspended": True,
        "DynamicScalingOutSuspended": False,
        "ScheduledScalingSuspended": False,
    }
    assert "_tags" not in target
    shared.scaling.deregister_scalable_target(**shared.key)


def test_registering_again_changes_what_is_given_and_keeps_the_rest(registered: ScaledEndpoint) -> None:
    before = registered.register(1, 3)
    changed = registered.scaling.register_scalable_target(**registered.key, MaxCapacity=5)
    (target,) = registered.scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[registered.key["ResourceId"]]
    )["ScalableTargets"]
    assert changed["ScalableTargetARN"] == before
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 5)


def test_tags_are_kept_with_a_target(shared: ScaledEndpoint) -> None:
    arn = shared.register(Tags={"team": "ml"})
    shared.scaling.tag_resource(ResourceARN=arn, Tags={"stage": "dev"})
    assert shared.scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"team": "ml", "stage": "dev"}
    shared.scaling.untag_resource(ResourceARN=arn, TagKeys=["team"])
    assert shared.scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"stage": "dev"}
    shared.scaling.deregister_scalable_target(**shared.key)
    gone = error(shared.scaling.list_tags_for_resource, ResourceARN=arn)
    assert gone == f"ResourceNotFoundException: The specified resource {arn} does not exist."


REFUSED_TARGETS: list[tuple[dict[str, Any], str]] = [
    (
        {"ResourceId": "endpoint/nothing/variant/AllTraffic"},
        'ValidationException: Could not find endpoint "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/nothing".',
    ),
    (
        {"ResourceId": "endpoint/{name}/variant/Other"},
        'ValidationException: Could not find production variant "Other" of endpoint '
        '"arn:aws:sagemaker:eu-west-1:111122223333:endpoint/{name}".',
    ),
    (
        {"ResourceId": "endpoint/{name}"},
        "ValidationException: Unsupported service namespace, resource type or scalable dimension: the ResourceId "
        "endpoint/{name} is not of the form endpoint/NAME/variant/NAME.",
    ),
    (
        {"ServiceNamespace": "ecs"},
        "ValidationException: The service namespace ecs is not supported by the local AWS; sagemaker is.",
    ),
    (
        {"ScalableDimension": "ecs:service:DesiredCount"},
        "ValidationException: Unsupported service namespace, resource type or scalable dimension: "
        f"ecs:service:DesiredCount is not supported by the local AWS; {DIMENSION} is.",
    ),
    ({"MinCapacity": 4}, "ValidationException: Maximum capacity cannot be less than minimum capacity"),
    (
        {"MinCapacity": 0},
        "ValidationException: A MinCapacity of 0 is not supported: a real-time production variant has at least 1 "
        "instance.",
    ),
    (
        {"MinCapacity": None},
        "ValidationException: MinCapacity must be specified when a scalable target is registered.",
    ),
    (
        {"ServiceNamespace": "mars"},
        "ValidationException: 1 validation error detected: Value 'mars' at 'ServiceNamespace' failed to satisfy "
        "constraint: Member must satisfy enum value set: [",
    ),
]


@pytest.mark.parametrize(("changed", "message"), REFUSED_TARGETS)
def test_a_target_that_cannot_be_is_refused(shared: ScaledEndpoint, changed: dict[str, Any], message: str) -> None:
    request = {**shared.key, "MinCapacity": 1, "MaxCapacity": 3, **changed}
    if changed.get("ResourceId"):
        request["ResourceId"] = changed["ResourceId"].format(name=shared.name)
    request = {name: value for name, value in request.items() if value is not None}
    found = error(shared.scaling.register_scalable_target, **request)
    assert found.startswith(message.format(name=shared.name))
    assert not shared.scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]


def test_a_policy_makes_its_two_alarms_and_shows_them(registered: ScaledEndpoint) -> None:
    answer = registered.track(100.0)
    alarms = registered.alarms()
    assert set(alarms) == {"High", "Low"}
    assert [each["AlarmName"] for each in answer["Alarms"]] == [alarms[kind]["AlarmName"] for kind in ("High", "Low")]
    expected = {"High": ("GreaterThanThreshold", 100.0, 3), "Low": ("LessThanThreshold", 90.0, 15)}
    for kind, alarm in alarms.items():
        shown = alarm["ComparisonOperator"], alarm["Threshold"], alarm["EvaluationPeriods"]
        assert shown == expected[kind]
        assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/SageMaker", "InvocationsPerInstance")
        assert (alarm["Statistic"], alarm["Period"]) == ("Sum", 60)
        assert {each["Name"]: each["Value"] for each in alarm["Dimensions"]} == {
            "EndpointName": registered.name,
            "VariantName": "AllTraffic",
        }
        assert alarm["AlarmActions"] == [answer["PolicyARN"]]
    (policy,) = registered.scaling.describe_scaling_policies(
        ServiceNamespace="sagemaker", ResourceId=registered.key["ResourceId"]
    )["ScalingPolicies"]
    assert (policy["PolicyARN"], policy["Alarms"]) == (answer["PolicyARN"], answer["Alarms"])
    assert policy["PolicyARN"].startswith("arn:aws:autoscaling:eu-west-1:111122223333:scalingPolicy:")
    assert policy["PolicyARN"].endswith(f":resource/sagemaker/{registered.key['ResourceId']}:policyName/policy")


def test_a_policy_that_is_put_again_keeps_its_alarms(registered: ScaledEndpoint) -> None:
    before = registered.track(100.0)
    after = registered.track(200.0)
    assert after["PolicyARN"] == before["PolicyARN"] and after["Alarms"] == before["Alarms"]
    assert registered.alarms()["High"]["Threshold"] == 200.0


def test_a_policy_that_does_not_scale_in_has_no_low_alarm(registered: ScaledEndpoint) -> None:
    registered.track()
    registered.track(DisableScaleIn=True)
    assert set(registered.alarms()) == {"High"}


def test_a_metric_of_one_s_own_is_watched_as_it_is_given(registered: ScaledEndpoint) -> None:
    dimensions = [{"Name": "EndpointName", "Value": registered.name}]
    metric = {"Namespace": "Tests", "MetricName": "Queue", "Dimensions": dimensions, "Statistic": "Average"}
    registered.track(7.0, CustomizedMetricSpecification=metric)
    assert {name: registered.alarms()["High"][name] for name in metric} == metric


def test_deleting_a_policy_deletes_its_alarms(registered: ScaledEndpoint) -> None:
    registered.track()
    registered.scaling.delete_scaling_policy(**registered.key, PolicyName="policy")
    assert registered.alarms() == {}
    assert not registered.scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]


def test_deregistering_a_target_deletes_its_policies_and_alarms(shared: ScaledEndpoint) -> None:
    shared.register()
    shared.track()
    shared.scaling.deregister_scalable_target(**shared.key)
    assert shared.alarms() == {}
    assert not shared.scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]


TRACKING: dict[str, Any] = {
    "PolicyName": "policy",
    "PolicyType": "TargetTrackingScaling",
    "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 10.0, **INVOCATIONS},
}
CUSTOM = {"Namespace": "N", "MetricName": "M", "Statistic": "Average"}
REFUSED_POLICIES: list[tuple[dict[str, Any], str]] = [
    (
        {"PolicyType": "PredictiveScaling"},
        "ValidationException: The PolicyType PredictiveScaling is not supported by the local AWS.",
    ),
    (
        {"PolicyType": "StepScaling"},
        "ValidationException: StepScalingPolicyConfiguration must be specified for the PolicyType StepScaling.",
    ),
    (
        {"TargetTrackingScalingPolicyConfiguration": {"TargetValue": 10.0}},
        "ValidationException: Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be "
        "specified.",
    ),
    (
        {"TargetTrackingScalingPolicyConfiguration": {"TargetValue": 0, **INVOCATIONS}},
        "ValidationException: TargetValue must be greater than 0, not 0.",
    ),
    (
        {
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": 10.0,
                "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
            }
        },
        "ValidationException: The PredefinedMetricType ECSServiceAverageCPUUtilization is not supported by the local "
        "AWS for production variants; SageMakerVariantInvocationsPerInstance is.",
    ),
    (
        {
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": 10.0,
                "CustomizedMetricSpecification": {"MetricName": "M"},
            }
        },
        "ValidationException: CustomizedMetricSpecification must specify Namespace and Statistic.",
    ),
    (
        {"ResourceId": "endpoint/nothing/variant/AllTraffic"},
        "ObjectNotFoundException: No scalable target registered for service namespace: sagemaker, resource ID: "
        f"endpoint/nothing/variant/AllTraffic, scalable dimension: {DIMENSION}",
    ),
]


@pytest.mark.parametrize(("changed", "message"), REFUSED_POLICIES)
def test_a_policy_that_cannot_be_is_refused(registered: ScaledEndpoint, changed: dict[str, Any], message: str) -> None:
    found = error(registered.scaling.put_scaling_policy, **{**registered.key, **copy.deepcopy(TRACKING), **changed})
    assert found == message
    assert registered.alarms() == {}


def test_two_policies_must_not_track_the_same_metric(registered: ScaledEndpoint) -> None:
    registered.track(name="first")
    request = {**registered.key, **TRACKING, "PolicyName": "second"}
    assert error(registered.scaling.put_scaling_policy, **request) == (
        "ValidationException: Only one TargetTrackingScaling policy for a given metric specification is allowed; first "
        "tracks the same."
    )


def test_what_does_not_exist_is_not_deleted(shared: ScaledEndpoint) -> None:
    key = f"service namespace: sagemaker, resource ID: {shared.key['ResourceId']}, scalable dimension: {DIMENSION}"
    target = error(shared.scaling.deregister_scalable_target, **shared.key)
    assert target == f"ObjectNotFoundException: No scalable target registered for {key}"
    policy = error(shared.scaling.delete_scaling_policy, **shared.key, PolicyName="none")
    assert policy == f"ObjectNotFoundException: No scaling policy found for {key}, policy name: none"


def test_policies_come_in_pages(registered: ScaledEndpoint) -> None:
    steps = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [{"ScalingAdjustment": 1}]}
    for number in range(3):
        registered.scaling.put_scaling_policy(
            **registered.key,
            PolicyName=f"step-{number}",
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration=steps,
        )
    pages = registered.scaling.get_paginator("describe_scaling_policies").paginate(
        ServiceNamespace="sagemaker", PaginationConfig={"PageSize": 2}
    )
    assert [[each["PolicyName"] for each in page["ScalingPolicies"]] for page in pages] == [
        ["step-0", "step-1"],
        ["step-2"],
    ]
    wrong = error(registered.scaling.describe_scaling_policies, ServiceNamespace="sagemaker", NextToken="?")
    assert wrong == "InvalidNextTokenException: Invalid NextToken '?'"


def test_other_operations_say_that_they_are_not_supported(registered: ScaledEndpoint) -> None:
    found = error(registered.scaling.describe_scheduled_actions, ServiceNamespace="sagemaker")
    assert found == (
        "UnknownOperationException: Application Auto Scaling's operation DescribeScheduledActions is not supported by "
        "the local AWS"
    )


def test_input_is_checked_by_the_service_model(registered: ScaledEndpoint) -> None:
    instance = registered.aws.instance
    unchecked = boto3.Session().client(
        "application-autoscaling",
        region_name=instance.region,
        endpoint_url=instance.url,
        aws_access_key_id=instance.access_key,
        aws_secret_access_key=instance.secret_key,
        config=Config(parameter_validation=False),
    )
    found = error(unchecked.register_scalable_target, ServiceNamespace="sagemaker", ScalableDimension=DIMENSION)
    assert found == (
        "ValidationException: 1 validation error detected: Value null at 'ResourceId' failed to satisfy constraint: "
        "Member must not be null"
    )


def test_the_command_line_registers_and_shows(shared: ScaledEndpoint) -> None:
    named = [
        *("--service-namespace", "sagemaker", "--scalable-dimension", DIMENSION),
        *("--resource-id", shared.key["ResourceId"]),
    ]
    command = ("aws", "application-autoscaling")
    shared.aws.run(*command, "register-scalable-target", *named, "--min-capacity", "1", "--max-capacity", "2")
    query = ("--query", "ScalableTargets[].MaxCapacity", "--output", "text")
    done = shared.aws.run(*command, "describe-scalable-targets", "--service-namespace", "sagemaker", *query)
    assert done.stdout.strip() == "2"
    shared.aws.run(*command, "deregister-scalable-target", *named)
