"""Endpoint configurations: which models, on how many instances of which type, with which share of the traffic."""

from __future__ import annotations

from typing import Any

from modelyard.local.sagemaker import tags
from modelyard.local.sagemaker.context import Context
from modelyard.local.sagemaker.errors import ValidationException
from modelyard.local.sagemaker.hosting.names import CONFIGS, MODELS, find, require_free
from modelyard.local.sagemaker.hosting.unsupported import refuse, refuse_members
from modelyard.local.sagemaker.instances import has_local_storage
from modelyard.local.sagemaker.operations import operation
from modelyard.local.sagemaker.paging import listed

_UNSUPPORTED = ("AsyncInferenceConfig", "ExplainerConfig", "ShadowProductionVariants", "MetricsConfig")
_UNSUPPORTED_OF_VARIANT = ("ServerlessConfig", "InstancePools", "ManagedInstanceScaling", "CapacityReservationConfig")


@operation("CreateEndpointConfig")
def create_endpoint_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["EndpointConfigName"]
    arn = require_free(context, CONFIGS, name)
    refuse_members(request, _UNSUPPORTED)
    if request.get("DataCaptureConfig", {}).get("EnableCapture"):
        raise refuse("Data capture (DataCaptureConfig.EnableCapture)")
    variants = request["ProductionVariants"]
    for variant in variants:
        _check_variant(context, variant, request.get("KmsKeyId"))
    names = [variant["VariantName"] for variant in variants]
    twice = next((each for each in names if names.count(each) > 1), None)
    if twice is not None:
        raise ValidationException(f"Variant names must be unique; {twice} is given more than once.")
    if sum(_weight(variant) for variant in variants) <= 0:
        raise ValidationException("The sum of the variants' InitialVariantWeight must be greater than 0.")
    context.table(CONFIGS)[name] = {
        **{member: value for member, value in request.items() if member != "Tags"},
        "ProductionVariants": [{**variant, "InitialVariantWeight": _weight(variant)} for variant in variants],
        "EndpointConfigArn": arn,
        "CreationTime": context.now(),
    }
    tags.set_tags(context, arn, request.get("Tags", []))
    context.snapshot()
    return {"EndpointConfigArn": arn}


@operation("DescribeEndpointConfig")
def describe_endpoint_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return find(context, CONFIGS, request["EndpointConfigName"])


@operation("ListEndpointConfigs")
def list_endpoint_configs(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return listed(request, context.table(CONFIGS).values(), answer="EndpointConfigs", name="EndpointConfigName")


@operation("DeleteEndpointConfig")
def delete_endpoint_config(context: Context, request: dict[str, Any]) -> None:
    config = find(context, CONFIGS, request["EndpointConfigName"])
    del context.table(CONFIGS)[request["EndpointConfigName"]]
    tags.forget(context, config["EndpointConfigArn"])
    context.snapshot()


def _weight(variant: dict[str, Any]) -> float:
    return float(variant.get("InitialVariantWeight", 1.0))


def _check_variant(context: Context, variant: dict[str, Any], kms_key: str | None) -> None:
    refuse_members(variant, _UNSUPPORTED_OF_VARIANT, "The production variant's ")
    if "ModelName" not in variant:
        raise refuse("A production variant without ModelName (inference components)")
    for member in ("InstanceType", "InitialInstanceCount"):
        if member not in variant:
            raise ValidationException(
                f"{member} must be specified for the production variant {variant['VariantName']}."
            )
    find(context, MODELS, variant["ModelName"])
    if kms_key and has_local_storage(variant["InstanceType"]):
        raise ValidationException(
            "You can't request a KmsKeyId when using an instance type with local storage: "
            f"{variant['InstanceType']} of the production variant {variant['VariantName']}."
        )
