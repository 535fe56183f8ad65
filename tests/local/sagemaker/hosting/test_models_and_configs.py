"""Models and endpoint configurations: what is kept, listed, refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelyard.local.sagemaker.hosting.models import container_of
from modelyard.local.sagemaker.hosting.names import MODELS, find
from tests.local.sagemaker.in_process import LocalSageMaker

ARN = "arn:aws:sagemaker:eu-west-1:111122223333"
ROLE = "arn:aws:iam::111122223333:role/endpoint"
CONTAINER = {"Image": "image:1", "ModelDataUrl": "s3://bucket/model.tar.gz"}
VARIANT = {"VariantName": "A", "ModelName": "model", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}


@pytest.fixture
def sagemaker(tmp_path: Path) -> Iterator[LocalSageMaker]:
    local = LocalSageMaker(tmp_path)
    local.call("CreateModel", ModelName="model", PrimaryContainer=CONTAINER, ExecutionRoleArn=ROLE)
    yield local
    local.close()


def test_a_model_is_described_as_given_with_its_tags_and_deleted(sagemaker: LocalSageMaker) -> None:
    answer = sagemaker.call(
        "CreateModel",
        ModelName="other",
        Containers=[CONTAINER],
        EnableNetworkIsolation=True,
        VpcConfig={"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        Tags=[{"Key": "a", "Value": "b"}],
    )
    assert answer == {"ModelArn": f"{ARN}:model/other"}
    described = sagemaker.call("DescribeModel", ModelName="other")
    assert described["Containers"] == [CONTAINER]
    assert described["EnableNetworkIsolation"] is True
    assert described["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    assert sagemaker.call("ListTags", ResourceArn=f"{ARN}:model/other")["Tags"] == [{"Key": "a", "Value": "b"}]
    sagemaker.call("DeleteModel", ModelName="other")
    assert [model["ModelName"] for model in sagemaker.call("ListModels")["Models"]] == ["model"]
    assert sagemaker.call("ListTags", ResourceArn=f"{ARN}:model/other")["Tags"] == []


def test_models_are_filtered_sorted_and_paged(sagemaker: LocalSageMaker) -> None:
    for name in ("b", "a"):
        sagemaker.call("CreateModel", ModelName=name, PrimaryContainer=CONTAINER)

    def listed(**request: Any) -> list[str]:
        return [model["ModelName"] for model in sagemaker.call("ListModels", **request)["Models"]]

    assert listed() == ["a", "b", "model"]
    assert listed(SortBy="Name", SortOrder="Ascending") == ["a", "b", "model"]
    assert listed(SortBy="CreationTime", SortOrder="Ascending") == ["model", "b", "a"]
    assert listed(NameContains="OD") == ["model"]
    token = sagemaker.call("ListModels", MaxResults=2)["NextToken"]
    assert listed(MaxResults=2, NextToken=token) == ["model"]


def test_a_model_of_a_package_has_its_image_and_artefact_and_adds_to_its_environment(sagemaker: LocalSageMaker) -> None:
    packaged = {**CONTAINER, "Environment": {"A": "package", "B": "package"}}
    sagemaker.call("CreateModelPackageGroup", ModelPackageGroupName="group")
    arn = sagemaker.call(
        "CreateModelPackage",
        ModelPackageGroupName="group",
        InferenceSpecification={"Containers": [packaged]},
        AdditionalInferenceSpecifications=[{"Name": "gpu", "Containers": [{"Image": "image:gpu"}]}],
    )["ModelPackageArn"]
    given = {"ModelPackageName": arn, "Environment": {"B": "model"}}
    sagemaker.call("CreateModel", ModelName="packaged", PrimaryContainer=given)
    assert sagemaker.call("DescribeModel", ModelName="packaged")["PrimaryContainer"] == given
    container = container_of(sagemaker.context, find(sagemaker.context, MODELS, "packaged"))
    assert container["Image"] == "image:1"
    assert container["ModelDataUrl"] == "s3://bucket/model.tar.gz"
    assert container["Environment"] == {"A": "package", "B": "model"}

    by_name = {"ModelPackageName": arn, "InferenceSpecificationName": "gpu"}
    sagemaker.call("CreateModel", ModelName="gpu", PrimaryContainer=by_name)
    assert container_of(sagemaker.context, find(sagemaker.context, MODELS, "gpu"))["Image"] == "image:gpu"


def test_a_config_is_described_listed_and_deleted(sagemaker: LocalSageMaker) -> None:
    answer = sagemaker.call("CreateEndpointConfig", EndpointConfigName="config", ProductionVariants=[VARIANT])
    assert answer == {"EndpointConfigArn": f"{ARN}:endpoint-config/config"}
    described = sagemaker.call("DescribeEndpointConfig", EndpointConfigName="config")
    assert described["ProductionVariants"] == [{**VARIANT, "InitialVariantWeight": 1.0}]
    listed = sagemaker.call("ListEndpointConfigs", NameContains="CONF")["EndpointConfigs"]
    assert [config["EndpointConfigName"] for config in listed] == ["config"]
    sagemaker.call("DeleteEndpointConfig", EndpointConfigName="config")
    assert sagemaker.call("ListEndpointConfigs") == {"EndpointConfigs": []}


def test_a_volume_key_is_taken_where_the_instance_has_no_local_storage(sagemaker: LocalSageMaker) -> None:
    sagemaker.call("CreateEndpointConfig", EndpointConfigName="config", ProductionVariants=[VARIANT], KmsKeyId="key")
    assert sagemaker.call("DescribeEndpointConfig", EndpointConfigName="config")["KmsKeyId"] == "key"


def config(**variant: Any) -> dict[str, Any]:
    return {"EndpointConfigName": "c", "ProductionVariants": [{**VARIANT, **variant}]}


def model(**container: Any) -> dict[str, Any]:
    return {"ModelName": "m", "PrimaryContainer": container}


UNSUPPORTED = "is not supported by the local AWS."
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    (
        "CreateModel",
        {"ModelName": "model", "PrimaryContainer": CONTAINER},
        f'Cannot create already existing model "{ARN}:model/model".',
    ),
    ("CreateModel", {"ModelName": "m"}, "Either PrimaryContainer or Containers must be provided."),
    (
        "CreateModel",
        {"ModelName": "m", "PrimaryContainer": CONTAINER, "Containers": [CONTAINER]},
        "Both PrimaryContainer and Containers are provided in the input; give one of them.",
    ),
    (
        "CreateModel",
        {"ModelName": "m", "Containers": [CONTAINER, CONTAINER]},
        f"A model of more than one container (an inference pipeline) {UNSUPPORTED}",
    ),
    ("CreateModel", model(), "Either PrimaryContainer or Containers must be provided."),
    (
        "CreateModel",
        model(ModelDataUrl="s3://b/k"),
        "The container needs an Image or a ModelPackageName.",
    ),
    (
        "CreateModel",
        model(ModelPackageName="group/1"),
        f"ModelPackage {ARN}:model-package/group/1 does not exist.",
    ),
    (
        "CreateModel",
        model(ModelPackageName="group/1", Image="image:1"),
        "ModelPackageName cannot be given together with Image, ModelDataUrl or ModelDataSource.",
    ),
    ("CreateModel", model(Image="i", Mode="MultiModel"), f"A container of Mode MultiModel {UNSUPPORTED}"),
    (
        "CreateModel",
        model(**CONTAINER, ImageConfig={"RepositoryAccessMode": "Vpc"}),
        f"The container's ImageConfig {UNSUPPORTED}",
    ),
    ("DescribeModel", {"ModelName": "none"}, f'Could not find model "{ARN}:model/none".'),
    ("DeleteModel", {"ModelName": "none"}, f'Could not find model "{ARN}:model/none".'),
    ("CreateEndpointConfig", config(ModelName="none"), f'Could not find model "{ARN}:model/none".'),
    (
        "CreateEndpointConfig",
        {**config(InstanceType="ml.g5.xlarge"), "KmsKeyId": "key"},
        "You can't request a KmsKeyId when using an instance type with local storage: "
        "ml.g5.xlarge of the production variant A.",
    ),
    (
        "CreateEndpointConfig",
        {"EndpointConfigName": "c", "ProductionVariants": [VARIANT, VARIANT]},
        "Variant names must be unique; A is given more than once.",
    ),
    (
        "CreateEndpointConfig",
        config(InitialVariantWeight=0.0),
        "The sum of the variants' InitialVariantWeight must be greater than 0.",
    ),
    (
        "CreateEndpointConfig",
        {"EndpointConfigName": "c", "ProductionVariants": [{"VariantName": "A", "ModelName": "model"}]},
        "InstanceType must be specified for the production variant A.",
    ),
    (
        "CreateEndpointConfig",
        config(ServerlessConfig={"MemorySizeInMB": 1024, "MaxConcurrency": 1}),
        f"The production variant's ServerlessConfig {UNSUPPORTED}",
    ),
    (
        "CreateEndpointConfig",
        {**config(), "AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://b/k"}}},
        f"AsyncInferenceConfig {UNSUPPORTED}",
    ),
    (
        "CreateEndpointConfig",
        {"EndpointConfigName": "c", "ProductionVariants": [{"VariantName": "A", "InstanceType": "ml.m5.large"}]},
        f"A production variant without ModelName (inference components) {UNSUPPORTED}",
    ),
    (
        "DescribeEndpointConfig",
        {"EndpointConfigName": "none"},
        f'Could not find endpoint configuration "{ARN}:endpoint-config/none".',
    ),
    (
        "CreateEndpoint",
        {"EndpointName": "e", "EndpointConfigName": "none"},
        f'Could not find endpoint configuration "{ARN}:endpoint-config/none".',
    ),
    ("DescribeEndpoint", {"EndpointName": "none"}, f'Could not find endpoint "{ARN}:endpoint/none".'),
    ("DeleteEndpoint", {"EndpointName": "none"}, f'Could not find endpoint "{ARN}:endpoint/none".'),
    (
        "UpdateEndpoint",
        {"EndpointName": "none", "EndpointConfigName": "none"},
        f'Could not find endpoint "{ARN}:endpoint/none".',
    ),
]


@pytest.mark.parametrize(("operation", "request_", "message"), REFUSED)
def test_what_does_not_fit_is_refused_in_sagemakers_words(
    sagemaker: LocalSageMaker, operation: str, request_: dict[str, Any], message: str
) -> None:
    assert sagemaker.error(operation, **request_) == f"ValidationException: {message}"
    assert [found["ModelName"] for found in sagemaker.call("ListModels")["Models"]] == ["model"]
    assert sagemaker.call("ListEndpointConfigs") == {"EndpointConfigs": []}


def test_a_wrong_instance_type_is_refused_with_those_that_are_allowed(sagemaker: LocalSageMaker) -> None:
    error = sagemaker.error("CreateEndpointConfig", **config(InstanceType="ml.m5.huge"))
    assert error.startswith(
        "ValidationException: 1 validation error detected: Value 'ml.m5.huge' at 'ProductionVariants[0].InstanceType' "
        "failed to satisfy constraint: Member must satisfy enum value set: [ml.t2.medium, "
    )
