"""The two resource types, in plain templates."""

from __future__ import annotations

import json
from typing import Any

from tests.local.autoscaling.scaled_endpoint import DIMENSION, ScaledEndpoint
from tests.local.fast_aws import eventually

METRIC = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}


def template(endpoint: ScaledEndpoint, *, high: int = 3, target: float = 100, with_policy: bool = True) -> str:
    resources: dict[str, Any] = {
        "Target": {
            "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
            "Properties": {**endpoint.key, "MinCapacity": "1", "MaxCapacity": str(high)},
        }
    }
    outputs: dict[str, Any] = {
        "Target": {"Value": {"Ref": "Target"}},
        "TargetId": {"Value": {"Fn::GetAtt": ["Target", "Id"]}},
    }
    if with_policy:
        resources["Policy"] = {
            "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
            "Properties": {
                "PolicyName": "policy",
                "PolicyType": "TargetTrackingScaling",
                "ScalingTargetId": {"Ref": "Target"},
                "TargetTrackingScalingPolicyConfiguration": {
                    "TargetValue": target,
                    "ScaleInCooldown": "60",
                    "PredefinedMetricSpecification": METRIC,
                },
            },
        }
        outputs["Policy"] = {"Value": {"Ref": "Policy"}}
        outputs["PolicyArn"] = {"Value": {"Fn::GetAtt": ["Policy", "Arn"]}}
    return json.dumps({"Resources": resources, "Outputs": outputs})


class Stack:
    def __init__(self, endpoint: ScaledEndpoint) -> None:
        self.name = endpoint.unique("scaling")
        self._client = endpoint.aws.client("cloudformation")

    def create(self, body: str) -> dict[str, str]:
        self._client.create_stack(
            StackName=self.name, TemplateBody=body, Tags=[{"Key": "team", "Value": "ml"}], OnFailure="DO_NOTHING"
        )
        return self._settled("CREATE_COMPLETE")

    def update(self, body: str) -> dict[str, str]:
        self._client.update_stack(StackName=self.name, TemplateBody=body, Tags=[{"Key": "team", "Value": "ml"}])
        return self._settled("UPDATE_COMPLETE")

    def delete(self) -> None:
        self._client.delete_stack(StackName=self.name)

        def gone() -> bool:
            found = self._client.list_stacks(StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]
            return any(stack["StackName"] == self.name for stack in found)

        eventually(gone, f"{self.name} deleted")

    def reasons(self) -> str:
        events = self._client.describe_stack_events(StackName=self.name)["StackEvents"]
        return "\n".join(event.get("ResourceStatusReason", "") for event in events)

    def status(self) -> str:
        def look() -> str | None:
            status = str(self._client.describe_stacks(StackName=self.name)["Stacks"][0]["StackStatus"])
            return None if status.endswith("_IN_PROGRESS") else status

        return eventually(look, f"{self.name} settled")

    def _settled(self, wanted: str) -> dict[str, str]:
        assert self.status() == wanted, self.reasons()
        (stack,) = self._client.describe_stacks(StackName=self.name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}


def test_a_stack_scales_an_endpoint_and_takes_it_back(endpoint: ScaledEndpoint) -> None:
    stack = Stack(endpoint)
    outputs = stack.create(template(endpoint))
    identifier = f"{endpoint.key['ResourceId']}|{DIMENSION}|sagemaker"
    assert outputs["Target"] == outputs["TargetId"] == identifier
    assert outputs["Policy"] == outputs["PolicyArn"]
    (policy,) = _policies(endpoint)
    assert policy["PolicyARN"] == outputs["Policy"]
    assert policy["TargetTrackingScalingPolicyConfiguration"]["ScaleInCooldown"] == 60
    arn = endpoint.register(1, 3)
    assert endpoint.scaling.list_tags_for_resource(ResourceARN=arn)["Tags"]["team"] == "ml"

    assert stack.update(template(endpoint, high=2, target=50))["Policy"] == outputs["Policy"]
    (target,) = _targets(endpoint)
    assert (target["MaxCapacity"], endpoint.alarms()["High"]["Threshold"]) == (2, 50.0)

    stack.update(template(endpoint, with_policy=False))
    assert _policies(endpoint) == [] and endpoint.alarms() == {}
    stack.delete()
    assert _targets(endpoint) == []


def test_what_is_gone_already_counts_as_deleted(endpoint: ScaledEndpoint) -> None:
    stack = Stack(endpoint)
    stack.create(template(endpoint))
    endpoint.scaling.deregister_scalable_target(**endpoint.key)
    stack.delete()


def test_a_stack_on_an_endpoint_that_is_not_there_fails_and_says_so(endpoint: ScaledEndpoint) -> None:
    body = template(endpoint).replace(endpoint.name, "nothing")
    stack = Stack(endpoint)
    stack._client.create_stack(StackName=stack.name, TemplateBody=body, OnFailure="DO_NOTHING")
    assert stack.status() == "CREATE_FAILED"
    assert 'Could not find endpoint "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/nothing".' in stack.reasons()
    stack.delete()


def test_a_property_that_is_not_supported_is_named(endpoint: ScaledEndpoint) -> None:
    body = json.loads(template(endpoint, with_policy=False))
    body["Resources"]["Target"]["Properties"]["ScheduledActions"] = []
    stack = Stack(endpoint)
    stack._client.create_stack(StackName=stack.name, TemplateBody=json.dumps(body), OnFailure="DO_NOTHING")
    assert stack.status() == "CREATE_FAILED"
    assert "The property ScheduledActions is not supported by the local AWS." in stack.reasons()
    stack.delete()


def _targets(endpoint: ScaledEndpoint) -> list[dict[str, Any]]:
    found = endpoint.scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[endpoint.key["ResourceId"]]
    )
    return list(found["ScalableTargets"])


def _policies(endpoint: ScaledEndpoint) -> list[dict[str, Any]]:
    found = endpoint.scaling.describe_scaling_policies(
        ServiceNamespace="sagemaker", ResourceId=endpoint.key["ResourceId"]
    )
    return list(found["ScalingPolicies"])
