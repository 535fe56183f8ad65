"""An endpoint, as declared."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from modelyard import names
from modelyard.constructs.approval_hook import ApprovalHook
from modelyard.constructs.capacity import Capacity
from modelyard.constructs.model_registry import ModelRegistry
from modelyard.constructs.resource import add_custom_resource, token
from modelyard.constructs.rollout import Rollout
from modelyard.constructs.rollout_alarm import RolloutAlarm, watching
from modelyard.settings import ConfigurationError, Network, Scaling

_VERSION = 1
# https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
_LIMIT_BYTES = 4096
_TOKEN = re.compile(r"\$\{Token\[[^\]]*\]\}")
# No value that is known only when the stack is deployed (ARNs of a role and of a key) is longer.
_TOKEN_BYTES = 160


class ModelEndpoint(Construct):
    """The declaration of an endpoint that serves the approved version of a project's model.

    CloudFormation owns the declaration, a JSON text in an SSM parameter. The approval hook makes the endpoint when a
    version is approved, changes it when another one is, and deletes it with everything it consists of when this
    construct is destroyed.

    Args:
        endpoint_name: its name, a contract with whoever calls it.
        parameter_name: the SSM parameter of the declaration.
        hook: what realises it.
        registry: whose approved versions it serves.
        role: what its containers run as.
        capacity: what it runs on.
        volume_key: encrypts the volumes of its instances. Default: SageMaker's own encryption.
        network: its VPC, and whether its containers are cut off from every network. Default: none, and they are not.
        environment: variables of its containers, besides MODEL_PACKAGE_ARN, which the hook sets to the ARN of the
            version that they serve. Default: none.
        tags: of the endpoint and its parts. Default: none.
        rollout: how an update moves it to another version. Default: where it always has at least two instances with
            GPUs, which are scarce, rolling, a quarter of them at a time (or one, if that is more), with five minutes
            after each batch; else all at once.
        alarms: what takes a rollout back. Default: 5XX answers to more than 5 % of the requests,
            where the rollout looks back at all.
        scaling: how the number of instances follows the traffic. Default: it stays as it is.

    Attributes:
        endpoint_name: the endpoint's name.
        longest_rollout_seconds: how long a rollout may take; None where its type has no time-out.

    Raises:
        ConfigurationError: the instances take no `volume_key`, the environment has MODEL_PACKAGE_ARN, the capacity
            cannot have the rollout, the alarms or the scaling, or the declaration is too large for its parameter.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        endpoint_name: str,
        parameter_name: str,
        hook: ApprovalHook,
        registry: ModelRegistry,
        role: iam.IRole,
        capacity: Capacity,
        volume_key: kms.IKey | None = None,
        network: Network | None = None,
        environment: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        rollout: Rollout | None = None,
        alarms: Sequence[RolloutAlarm] | None = None,
        scaling: Scaling | None = None,
    ) -> None:
        super().__init__(scope, id)
        if volume_key is not None and not capacity.instance.takes_volume_key:
            raise ConfigurationError(
                f"volume_key: {capacity.instance.name} keeps its volumes on local NVMe storage, which is encrypted by "
                "the hardware and for which SageMaker refuses a KMS key; leave volume_key out"
            )
        if names.VERSION_VARIABLE in (environment or {}):
            raise ConfigurationError(
                f"environment: received {names.VERSION_VARIABLE}, which the approval hook sets to tell the container "
                "its version; choose another name"
            )
        fewest, most = (scaling.min, scaling.max) if scaling else (capacity.count, capacity.count)
        rollout = rollout or Rollout.default(capacity.instance, fewest)
        watched = watching(alarms, rollout, capacity.instance)
        if scaling:
            scaling.check(capacity.count)
        rollout.check(capacity.instance, fewest, most, watched=bool(watched))
        self.longest_rollout_seconds = rollout.timeout(most)
        self.endpoint_name = endpoint_name
        declaration: dict[str, Any] = {
            "version": _VERSION,
            "endpoint_name": endpoint_name,
            "model_package_group_name": registry.model_package_group_name,
            "execution_role_arn": token(role, "role_arn"),
            "instance_type": capacity.instance.name,
            "instance_count": capacity.count,
            "kms_key_arn": None if volume_key is None else token(volume_key, "key_arn"),
            "network": None if network is None else network.model_dump(mode="json"),
            "environment": dict(environment or {}),
            "tags": dict(tags or {}),
            "health_check_timeout_seconds": capacity.health_check_timeout_seconds,
            "download_timeout_seconds": capacity.download_timeout_seconds,
            "rollout": rollout.declared(most),
        }
        if capacity.instance.inference_ami:
            declaration["inference_ami"] = capacity.instance.inference_ami
        if watched:
            declaration["alarms"] = [alarm.declared() for alarm in watched]
        if scaling:
            declaration["scaling"] = asdict(scaling)
        # Not Stack.to_json_string: the way to JavaScript loses keys that are null. Tokens here are ARNs, safe in JSON.
        text = json.dumps(declaration, ensure_ascii=False, separators=(",", ":"))
        _check_size(endpoint_name, text)
        resource = add_custom_resource(
            self,
            "Declaration",
            "Custom::ModelyardEndpoint",
            service_token=hook.provider.service_token,
            service_timeout_seconds=3600,
            properties={"Declaration": text, "ParameterName": parameter_name},
        )
        # The endpoint is deleted before the versions it serves.
        resource.node.add_dependency(registry)


def _check_size(endpoint_name: str, declaration: str) -> None:
    size = len(_TOKEN.sub("x" * _TOKEN_BYTES, declaration).encode())
    if size > _LIMIT_BYTES:
        raise ConfigurationError(
            f"{endpoint_name}: the endpoint's declaration has about {size} bytes, and its SSM parameter holds "
            f"{_LIMIT_BYTES}; write fewer or shorter environment variables, tags and alarms"
        )
