"""Models: an image, where its artefact is, and the role it runs with."""

from __future__ import annotations

from typing import Any

from modelyard.local.sagemaker import tags
from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.errors import ValidationException
from modelyard.local.sagemaker.hosting.names import MODELS, find, require_free
from modelyard.local.sagemaker.hosting.unsupported import refuse, refuse_members
from modelyard.local.sagemaker.operations import operation
from modelyard.local.sagemaker.paging import listed
from modelyard.local.sagemaker.registry import find_package

__all__ = ["container_of"]

_UNSUPPORTED = ("MultiModelConfig", "AdditionalModelDataSources", "ImageConfig")


@operation("CreateModel")
def create_model(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["ModelName"]
    arn = require_free(context, MODELS, name)
    _check_containers(context, request)
    context.table(MODELS)[name] = {
        **{member: value for member, value in request.items() if member != "Tags"},
        "ModelArn": arn,
        "CreationTime": context.now(),
        "EnableNetworkIsolation": request.get("EnableNetworkIsolation", False),
    }
    tags.set_tags(context, arn, request.get("Tags", []))
    context.emit("SageMaker Model State Change", {"ModelName": name, "ModelArn": arn}, [arn])
    context.snapshot()
    return {"ModelArn": arn}


@operation("DescribeModel")
def describe_model(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return find(context, MODELS, request["ModelName"])


@operation("ListModels")
def list_models(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return listed(request, context.table(MODELS).values(), answer="Models", name="ModelName")


@operation("DeleteModel")
def delete_model(context: Context, request: dict[str, Any]) -> None:
    model = find(context, MODELS, request["ModelName"])
    del context.table(MODELS)[request["ModelName"]]
    tags.forget(context, model["ModelArn"])
    context.emit(
        "SageMaker Model State Change",
        {"ModelName": model["ModelName"], "ModelArn": model["ModelArn"]},
        [model["ModelArn"]],
    )
    context.snapshot()


def container_of(context: Context, model: Record) -> Record:
    """The one container of ``model``, with what its model package says filled in."""
    given = _containers(model)[0]
    if "ModelPackageName" not in given:
        return given
    package = find_package(context, given["ModelPackageName"])
    specification = _specification(package, given.get("InferenceSpecificationName"))
    packaged = specification["Containers"][0]
    return {**packaged, **given, "Environment": {**packaged.get("Environment", {}), **given.get("Environment", {})}}


def _specification(package: Record, name: str | None) -> Record:
    if name is None:
        if "InferenceSpecification" not in package:
            raise ValidationException(f"ModelPackage {package['ModelPackageArn']} has no InferenceSpecification.")
        return dict(package["InferenceSpecification"])
    for specification in package.get("AdditionalInferenceSpecifications", []):
        if specification["Name"] == name:
            return dict(specification)
    raise ValidationException(f"ModelPackage {package['ModelPackageArn']} has no inference specification {name}.")


def _containers(model: Record) -> list[Record]:
    primary = model.get("PrimaryContainer")
    return [primary] if primary else list(model.get("Containers") or [])


def _check_containers(context: Context, request: dict[str, Any]) -> None:
    if request.get("PrimaryContainer") and request.get("Containers"):
        raise ValidationException("Both PrimaryContainer and Containers are provided in the input; give one of them.")
    containers = _containers(request)
    if not containers:
        raise ValidationException("Either PrimaryContainer or Containers must be provided.")
    if len(containers) > 1:
        raise refuse("A model of more than one container (an inference pipeline)")
    (given,) = containers
    refuse_members(given, _UNSUPPORTED, "The container's ")
    if given.get("Mode", "SingleModel") != "SingleModel":
        raise refuse("A container of Mode MultiModel")
    if "ModelPackageName" in given and ("Image" in given or "ModelDataUrl" in given or "ModelDataSource" in given):
        raise ValidationException(
            "ModelPackageName cannot be given together with Image, ModelDataUrl or ModelDataSource."
        )
    container = container_of(context, request)
    if "Image" not in container:
        raise ValidationException("The container needs an Image or a ModelPackageName.")
    if "ModelDataUrl" in given and "ModelDataSource" in given:
        raise ValidationException("Both ModelDataUrl and ModelDataSource are provided in the input; give one of them.")
