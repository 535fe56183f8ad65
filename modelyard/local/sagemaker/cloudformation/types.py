"""The resource types that are served."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

from modelyard.local.sagemaker.cloudformation.provisioner import ProvisioningError
from modelyard.local.sagemaker.cloudformation.resource_type import Properties, ResourceType
from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.errors import SageMakerError
from modelyard.local.sagemaker.protocol import call

__all__ = ["RESOURCE_TYPES"]

_UNDER_WAY = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")


def _put_policy(context: Context, name: str, properties: Properties) -> None:
    group = {"ModelPackageGroupName": name}
    policy = properties.get("ModelPackageGroupPolicy")
    if policy:
        text = policy if isinstance(policy, str) else json.dumps(policy)
        call(context, "PutModelPackageGroupPolicy", {**group, "ResourcePolicy": text})
        return
    try:
        call(context, "DeleteModelPackageGroupPolicy", group)
    except SageMakerError:
        return  # it had none


def _group_request(context: Context, properties: Properties) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if name != "ModelPackageGroupPolicy"}


def _pipeline_request(context: Context, properties: Properties) -> dict[str, Any]:
    # A location in S3 is read here: an operation must not call another service.
    body = _definition(context, properties.get("PipelineDefinition") or {})
    return {"ClientRequestToken": secrets.token_hex(16), **properties, "PipelineDefinition": body}


def _definition(context: Context, definition: dict[str, Any]) -> str:
    if "PipelineDefinitionBody" in definition:
        return str(definition["PipelineDefinitionBody"])
    location = definition.get("PipelineDefinitionS3Location")
    if not location:
        raise ProvisioningError(
            "AWS::SageMaker::Pipeline: PipelineDefinition needs PipelineDefinitionBody or PipelineDefinitionS3Location."
        )
    given = {"VersionId": location["Version"]} if location.get("Version") else {}
    found = context.client("s3").get_object(Bucket=location["Bucket"], Key=location["Key"], **given)
    if location.get("ETag") and location["ETag"].strip('"') != found["ETag"].strip('"'):
        raise ProvisioningError(
            f"The object s3://{location['Bucket']}/{location['Key']} has the ETag {found['ETag']}, "
            f"not {location['ETag']}."
        )
    return str(found["Body"].read().decode())


def _update_pipeline(context: Context, name: str, properties: Properties) -> None:
    request = _pipeline_request(context, {member: value for member, value in properties.items() if member != "Tags"})
    del request["ClientRequestToken"]
    call(context, "UpdatePipeline", request)


def _package_request(context: Context, properties: Properties) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if name != "ApprovalDescription"}


def _describe_approval(context: Context, name: str, properties: Properties) -> None:
    if "ApprovalDescription" in properties:
        _update_package(context, name, {"ApprovalDescription": properties["ApprovalDescription"]})


def _update_package(context: Context, name: str, properties: Properties) -> None:
    members = ("ModelApprovalStatus", "ApprovalDescription", "CustomerMetadataProperties", "SourceUri", "ModelCard")
    given = {member: properties[member] for member in members if member in properties}
    call(context, "UpdateModelPackage", {"ModelPackageArn": name, **given})


def _await_endpoint(context: Context, name: str) -> Record | None:
    # None when it is gone.
    while True:
        try:
            endpoint = call(context, "DescribeEndpoint", {"EndpointName": name})
        except SageMakerError:
            return None
        if endpoint["EndpointStatus"] not in _UNDER_WAY:
            return endpoint
        time.sleep(0.05)


def _await_in_service(context: Context, name: str, properties: Properties) -> None:
    endpoint = _await_endpoint(context, name)
    if endpoint is None or endpoint["EndpointStatus"] != "InService":
        reason = endpoint.get("FailureReason") if endpoint else "it was deleted"
        raise ProvisioningError(f"Endpoint {name} is not in service: {reason}")


def _await_settled(context: Context, name: str, properties: Properties) -> None:
    _await_endpoint(context, name)


def _update_endpoint(context: Context, name: str, properties: Properties) -> None:
    wanted = properties["EndpointConfigName"]
    request = {member: value for member, value in properties.items() if member not in ("Tags", "EndpointName")}
    _await_endpoint(context, name)
    call(context, "UpdateEndpoint", {"EndpointName": name, **request})
    endpoint = _await_endpoint(context, name)
    if endpoint is None or endpoint["EndpointConfigName"] != wanted:
        reason = endpoint.get("FailureReason") if endpoint else "it was deleted"
        raise ProvisioningError(f"Endpoint {name} was not updated: {reason}")


def _endpoint_request(context: Context, properties: Properties) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if name not in _ONLY_FOR_UPDATES}


_ONLY_FOR_UPDATES = {"RetainAllVariantProperties", "ExcludeRetainedVariantProperties", "RetainDeploymentConfig"}

RESOURCE_TYPES = (
    ResourceType(
        name="AWS::SageMaker::ModelPackageGroup",
        noun="ModelPackageGroup",
        identifier="ModelPackageGroupName",
        ref="ModelPackageGroupArn",
        arn="ModelPackageGroupArn",
        properties=frozenset({"ModelPackageGroupName", "ModelPackageGroupDescription", "ModelPackageGroupPolicy"}),
        in_place=frozenset({"ModelPackageGroupPolicy"}),
        attributes=("ModelPackageGroupArn", "CreationTime", "ModelPackageGroupStatus"),
        to_request=_group_request,
        created=_put_policy,
        change=_put_policy,
    ),
    ResourceType(
        name="AWS::SageMaker::ModelPackage",
        noun="ModelPackage",
        identifier="ModelPackageName",
        ref="ModelPackageArn",
        arn="ModelPackageArn",
        named=False,
        # A version has the tags of its group.
        tagged=lambda properties: "ModelPackageGroupName" not in properties,
        properties=frozenset(
            {"ModelPackageGroupName", "ModelPackageName", "ModelPackageDescription", "InferenceSpecification", "Domain"}
            | {"ModelApprovalStatus", "ApprovalDescription", "CustomerMetadataProperties", "MetadataProperties", "Task"}
            | {"ModelMetrics", "DriftCheckBaselines", "SamplePayloadUrl", "SourceUri", "ModelCard", "ClientToken"}
            | {"AdditionalInferenceSpecifications", "SkipModelValidation"}
        ),
        in_place=frozenset(
            {"ModelApprovalStatus", "ApprovalDescription", "CustomerMetadataProperties", "SourceUri", "ModelCard"}
        ),
        attributes=("ModelPackageArn", "CreationTime", "LastModifiedTime", "ModelPackageStatus"),
        to_request=_package_request,
        created=_describe_approval,
        change=_update_package,
    ),
    ResourceType(
        name="AWS::SageMaker::Pipeline",
        noun="Pipeline",
        identifier="PipelineName",
        ref="PipelineName",
        arn="PipelineArn",
        name_length=256,
        properties=frozenset(
            {"PipelineName", "PipelineDisplayName", "PipelineDefinition", "PipelineDescription", "RoleArn"}
            | {"ParallelismConfiguration"}
        ),
        in_place=frozenset(
            {"PipelineDisplayName", "PipelineDefinition", "PipelineDescription", "RoleArn", "ParallelismConfiguration"}
        ),
        to_request=_pipeline_request,
        change=_update_pipeline,
    ),
    ResourceType(
        name="AWS::SageMaker::Model",
        noun="Model",
        identifier="ModelName",
        ref="ModelArn",
        arn="ModelArn",
        properties=frozenset(
            {"ModelName", "PrimaryContainer", "Containers", "InferenceExecutionConfig", "ExecutionRoleArn", "VpcConfig"}
            | {"EnableNetworkIsolation"}
        ),
        attributes=("ModelName", "ModelArn"),
    ),
    ResourceType(
        name="AWS::SageMaker::EndpointConfig",
        noun="EndpointConfig",
        identifier="EndpointConfigName",
        ref="EndpointConfigArn",
        arn="EndpointConfigArn",
        properties=frozenset(
            {"EndpointConfigName", "ProductionVariants", "DataCaptureConfig", "KmsKeyId", "AsyncInferenceConfig"}
            | {"ExplainerConfig", "ShadowProductionVariants", "ExecutionRoleArn", "VpcConfig", "EnableNetworkIsolation"}
            | {"MetricsConfig"}
        ),
        attributes=("EndpointConfigName", "EndpointConfigArn"),
    ),
    ResourceType(
        name="AWS::SageMaker::Endpoint",
        noun="Endpoint",
        identifier="EndpointName",
        ref="EndpointArn",
        arn="EndpointArn",
        properties=frozenset({"EndpointName", "EndpointConfigName", "DeploymentConfig"} | _ONLY_FOR_UPDATES),
        in_place=frozenset({"EndpointConfigName", "DeploymentConfig"} | _ONLY_FOR_UPDATES),
        attributes=("EndpointName", "EndpointArn"),
        to_request=_endpoint_request,
        created=_await_in_service,
        change=_update_endpoint,
        before_delete=_await_settled,
        deleted=_await_settled,
    ),
)
