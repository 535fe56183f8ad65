"""Model and endpoint config of a version: their requests, and the name that says what is in them.

Both carry one name, `{endpoint name, first 46 characters}-{16 hex digits}`, where the digits are a hash of everything
that is served: package content, role, capacity, network, environment, tags. Whoever builds the same thing twice, for
instance after a crash, finds it by its name.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .declaration import Declaration
    from .registry import Package

VARIANT = "AllTraffic"
VERSION_VARIABLE = "MODEL_PACKAGE_ARN"
OWNER_TAG = "modelyard:endpoint"
PACKAGE_TAG = "modelyard:model-package"
HASH_LENGTH = 16
_PREFIX_LENGTH = 46  # with the hyphen and 16 digits 63 characters, the most that SageMaker takes
_NOT_SERVED = {"rollout", "alarms", "scaling", "model_package_group_name"}


def name_prefix(endpoint_name: str) -> str:
    """What the names of an endpoint's models and configs begin with."""
    return f"{endpoint_name[:_PREFIX_LENGTH]}-"


def is_artifact_name(endpoint_name: str, name: str) -> bool:
    """Whether `name` may be a model or config of this endpoint; only its owner tag makes it certain."""
    return bool(re.fullmatch(re.escape(name_prefix(endpoint_name)) + f"[0-9a-f]{{{HASH_LENGTH}}}", name))


def artifact_name(declaration: Declaration, package: Package) -> str:
    """The name of model and config that serve `package` as declared."""
    served = {key: value for key, value in asdict(declaration).items() if key not in _NOT_SERVED}
    served["environment"] = _environment(declaration, package)
    content = {"declared": served, "package": [package.arn, package.created, package.content]}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
    return name_prefix(declaration.endpoint_name) + digest[:HASH_LENGTH]


def model_request(declaration: Declaration, package: Package, name: str) -> dict[str, Any]:
    """CreateModel's arguments: the package by its ARN, network and isolation belong here."""
    request: dict[str, Any] = {
        "ModelName": name,
        "ExecutionRoleArn": declaration.execution_role_arn,
        "Containers": [{"ModelPackageName": package.arn, "Environment": _environment(declaration, package)}],
        "Tags": tags(declaration, package),
    }
    network = declaration.network
    if network:
        request["EnableNetworkIsolation"] = network.isolation
    if network and network.subnet_ids:
        request["VpcConfig"] = {"Subnets": network.subnet_ids, "SecurityGroupIds": network.security_group_ids}
    return request


def _environment(declaration: Declaration, package: Package) -> dict[str, str]:
    """Variables of the container: those of the package, those declared, and which version it is.

    SageMaker takes an Environment beside ModelPackageName (https://github.com/aws/sagemaker-python-sdk/pull/3581) and
    does not document whether that adds to the package's own variables or replaces them: with all of them it is equal.
    """
    containers = (package.content or {}).get("Containers") or [{}]
    return {**containers[0].get("Environment", {}), **declaration.environment, VERSION_VARIABLE: package.arn}


def config_request(declaration: Declaration, package: Package, name: str) -> dict[str, Any]:
    """CreateEndpointConfig's arguments: one variant that takes all traffic."""
    variant: dict[str, Any] = {
        "VariantName": VARIANT,
        "ModelName": name,
        "InstanceType": declaration.instance_type,
        "InitialInstanceCount": declaration.instance_count,
        "InitialVariantWeight": 1.0,
    }
    if declaration.health_check_timeout_seconds is not None:
        variant["ContainerStartupHealthCheckTimeoutInSeconds"] = declaration.health_check_timeout_seconds
    if declaration.download_timeout_seconds is not None:
        variant["ModelDataDownloadTimeoutInSeconds"] = declaration.download_timeout_seconds
    if declaration.inference_ami:
        variant["InferenceAmiVersion"] = declaration.inference_ami
    request: dict[str, Any] = {
        "EndpointConfigName": name,
        "ProductionVariants": [variant],
        "Tags": tags(declaration, package),
    }
    if declaration.kms_key_arn:
        request["KmsKeyId"] = declaration.kms_key_arn
    return request


def tags(declaration: Declaration, package: Package | None = None) -> list[dict[str, str]]:
    """The declared tags, and whose this is; of models and configs, which do not outlive a version, also what."""
    own = {OWNER_TAG: declaration.endpoint_name}
    if package:
        own[PACKAGE_TAG] = package.arn
    return [{"Key": key, "Value": value} for key, value in {**declaration.tags, **own}.items()]
