"""AWS::ApplicationAutoScaling::ScalableTarget and ::ScalingPolicy, see
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ApplicationAutoScaling.html
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from modelyard.local.autoscaling.api import API, DIMENSION, NAMESPACE
from modelyard.local.autoscaling.errors import ObjectNotFoundException
from modelyard.local.sagemaker.cloudformation.coercion import coerced
from modelyard.local.sagemaker.cloudformation.provisioner import ProvisioningError
from modelyard.local.sagemaker.context import Context, SageMaker
from modelyard.local.sagemaker.protocol import call
from modelyard.shapes import operation_input

__all__ = ["start"]

Properties = dict[str, Any]
Provisioned = tuple[str, dict[str, Any]]
Provision = Callable[[Context, Properties], Provisioned]

_TARGET_PROPERTIES = frozenset(
    {"MaxCapacity", "MinCapacity", "ResourceId", "RoleARN", "ScalableDimension", "ServiceNamespace", "SuspendedState"}
)
_POLICY_PROPERTIES = frozenset(
    {
        "PolicyName",
        "PolicyType",
        "ResourceId",
        "ScalableDimension",
        "ScalingTargetId",
        "ServiceNamespace",
        "StepScalingPolicyConfiguration",
        "TargetTrackingScalingPolicyConfiguration",
    }
)


class _Type:
    """A resource type whose one operation both creates and updates; another physical id means another resource."""

    def __init__(
        self, service: SageMaker, properties: Collection[str], provision: Provision, remove: Callable[..., None]
    ) -> None:
        self._service = service
        self._properties = properties
        self._provision = provision
        self._remove = remove

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Provisioned:
        for name in properties:
            if name not in self._properties:
                raise ProvisioningError(f"The property {name} is not supported by the local AWS.")
        return self._provision(self._context(), properties)

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Provisioned:
        return self.create("", new, stack_name)

    def delete(self, physical_id: str, properties: Properties) -> None:
        try:
            self._remove(self._context(), physical_id, properties)
        except ObjectNotFoundException:
            return  # with its scalable target, or by hand

    def _context(self) -> Context:
        return self._service.context(*self._service.emulator.account_and_region())


def start(service: SageMaker) -> None:
    """Let CloudFormation provision both types."""
    target = _Type(service, _TARGET_PROPERTIES | {"Tags"}, _put_target, _remove_target)
    policy = _Type(service, _POLICY_PROPERTIES, _put_policy, _remove_policy)
    service.emulator.register_resource_type(
        "AWS::ApplicationAutoScaling::ScalableTarget",
        create=target.create,
        update=target.update,
        delete=target.delete,
        tags_property="Tags",
    )
    service.emulator.register_resource_type(
        "AWS::ApplicationAutoScaling::ScalingPolicy", create=policy.create, update=policy.update, delete=policy.delete
    )


def _put_target(context: Context, properties: Properties) -> Provisioned:
    given = {name: value for name, value in properties.items() if name != "Tags"}
    arn = _call(context, "RegisterScalableTarget", given)["ScalableTargetARN"]
    tags = {tag["Key"]: str(tag["Value"]) for tag in properties.get("Tags") or []}
    _retag(context, arn, tags)
    identifier = f"{given['ResourceId']}|{given['ScalableDimension']}|{given['ServiceNamespace']}"
    return identifier, {"Id": identifier}


def _retag(context: Context, arn: str, tags: dict[str, str]) -> None:
    gone = [key for key in _call(context, "ListTagsForResource", {"ResourceARN": arn})["Tags"] if key not in tags]
    if gone:
        _call(context, "UntagResource", {"ResourceARN": arn, "TagKeys": gone})
    if tags:
        _call(context, "TagResource", {"ResourceARN": arn, "Tags": tags})


def _remove_target(context: Context, physical_id: str, properties: Properties) -> None:
    _call(context, "DeregisterScalableTarget", _identified(physical_id))


def _put_policy(context: Context, properties: Properties) -> Provisioned:
    given = {name: value for name, value in properties.items() if name != "ScalingTargetId"}
    if properties.get("ScalingTargetId"):
        if properties.get("ResourceId"):
            raise ProvisioningError(
                "Give either ScalingTargetId or ResourceId, ScalableDimension and ServiceNamespace."
            )
        given.update(_identified(properties["ScalingTargetId"]))
    arn = _call(context, "PutScalingPolicy", given)["PolicyARN"]
    return arn, {"Arn": arn}


def _remove_policy(context: Context, physical_id: str, properties: Properties) -> None:
    resource, _, name = physical_id.partition(f":resource/{NAMESPACE}/")[2].partition(":policyName/")
    named = {"PolicyName": name, "ServiceNamespace": NAMESPACE, "ResourceId": resource, "ScalableDimension": DIMENSION}
    _call(context, "DeleteScalingPolicy", named)


def _identified(identifier: str) -> dict[str, str]:
    names = ("ResourceId", "ScalableDimension", "ServiceNamespace")
    return dict(zip(names, identifier.split("|"), strict=True))


def _call(context: Context, operation: str, request: Properties) -> dict[str, Any]:
    return call(context, operation, coerced(operation_input(API.service, operation), request), API)
