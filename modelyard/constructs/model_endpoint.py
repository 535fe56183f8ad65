"""An endpoint, as declared."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from modelyard import names
from modelyard.constructs.approval_hook import ApprovalHook
from modelyard.constructs.arns import Arns
from modelyard.constructs.capacity import Capacity
from modelyard.constructs.execution_roles import allow_vpc
from modelyard.constructs.model_registry import ModelRegistry
from modelyard.constructs.part import Part
from modelyard.constructs.resource import add_custom_resource, is_token, token
from modelyard.constructs.rollout import Rollout
from modelyard.constructs.rollout_alarm import RolloutAlarm, watching
from modelyard.constructs.stack_defaults import StackDefaults
from modelyard.settings import ConfigurationError, Network, Scaling

_VERSION = 1
_VARIANT = "AllTraffic"
_INVOKE = ["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"]
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html
_ENDPOINT_NAME = re.compile(r"[a-z0-9](-*[a-z0-9]){0,62}")
# https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
_LIMIT_BYTES = 4096
_TOKEN = re.compile(r"\$\{Token\[[^\]]*\]\}")
# No value that is known only when the stack is deployed (ARNs of a role and of a key) is longer.
_TOKEN_BYTES = 160


class ModelEndpoint(Part):
    """The declaration of an endpoint that serves the approved version of a project's model.

    CloudFormation owns the declaration, a JSON text in an SSM parameter. The approval hook makes the endpoint when a
    version is approved, changes it when another one is, and deletes it with everything it consists of when this
    construct is destroyed.

    Args:
        endpoint_name: its name, a contract with whoever calls it.
        registry: whose approved versions it serves.
        capacity: what it runs on.
        hook: what realises it, and whose topic is told when the endpoint does not come to serve the version that it
            should. Default: the hook of the `StackDefaults` of the registry's stack.
        role: what its containers run as; the hook may pass it, and it may have what `network` and a `volume_key` ask
            for. One of your own must trust sagemaker.amazonaws.com, and be allowed to pull the image, read the model in
            the store's artifacts bucket, decrypt with its key, write logs and metrics and describe alarms, as
            https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html says. Default: the role that the hook
            was made with.
        parameter_name: the SSM parameter of the declaration, `/modelyard/<stage>/<a name>/endpoint`. Default: with the
            endpoint's name.
        volume_key: encrypts the volumes of its instances; `role` and the hook are allowed to use it. Default: the key
            of the hook's store where the instances take one.
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
        endpoint_arn: the endpoint's ARN.
        longest_rollout_seconds: how long a rollout may take; None where its type has no time-out.

    Raises:
        ConfigurationError: the name has other than lower-case letters, digits and hyphens or is declared already, the
            hook does not look for declarations at `parameter_name`, the instances take no
            `volume_key`, the environment has MODEL_PACKAGE_ARN, the capacity cannot have the rollout, the alarms or the
            scaling, or the declaration is too large for its parameter.

    Example:
        >>> registry = ModelRegistry(stack, "Registry", model_package_group_name="rings")
        >>> endpoint = ModelEndpoint(
        ...     stack,
        ...     "Endpoint",
        ...     endpoint_name="rings",
        ...     registry=registry,
        ...     capacity=Capacity("ml.m5.large", count=2),
        ...     rollout=Rollout.canary(percent=50, wait=Duration.minutes(5)),
        ...     alarms=[RolloutAlarm.invocation_5xx(), RolloutAlarm.model_latency_p99(milliseconds=200)],
        ... )
        >>> allowed = endpoint.grant_invoke(role)
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        endpoint_name: str,
        registry: ModelRegistry,
        capacity: Capacity,
        hook: ApprovalHook | None = None,
        role: iam.IRole | None = None,
        parameter_name: str | None = None,
        volume_key: kms.IKey | None = None,
        network: Network | None = None,
        environment: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        rollout: Rollout | None = None,
        alarms: Sequence[RolloutAlarm] | None = None,
        scaling: Scaling | None = None,
    ) -> None:
        super().__init__(scope, id)
        if not is_token(endpoint_name) and not _ENDPOINT_NAME.fullmatch(endpoint_name):
            raise ConfigurationError(
                f"endpoint_name: received {endpoint_name}; allowed: 63 lower-case letters, digits and hyphens between "
                "them; SageMaker writes ARNs of endpoints in lower case, and policies know them by their ARNs"
            )
        hook = hook or StackDefaults.of(registry).hook
        role = role or hook.endpoint_role
        beginning, end = names.declaration_parameter(hook.stage, "*").split("*")
        parameter_name = parameter_name or f"{beginning}{endpoint_name}{end}"
        if not (parameter_name.startswith(beginning) and parameter_name.endswith(end)):
            raise ConfigurationError(
                f"parameter_name: received {parameter_name}; allowed: {beginning}<a name>{end}, where the approval "
                "hook looks for declarations"
            )
        if volume_key is None and capacity.instance.takes_volume_key:
            volume_key = hook.store.key
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
        self.endpoint_arn = Arns.of(self).arn("sagemaker", f"endpoint/{endpoint_name}")
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
            properties={
                "Declaration": text,
                "ParameterName": parameter_name,
            },
        )
        # The endpoint is deleted before the versions it serves.
        for part in registry.resources:
            resource.add_resource_dependency(part)
        hook.allow_endpoint(endpoint_name, registry, role, volume_key)
        if hook.stack is self.stack:
            # Nor does the hook go before the endpoints that it deletes.
            resource.node.add_dependency(hook)
        if network:
            allow_vpc(role, self)
        seconds = self.longest_rollout_seconds or 0
        hook.metrics.page_when_unconverged(self, endpoint_name=endpoint_name, rollout_seconds=seconds)

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` send requests to the endpoint."""
        return iam.Grant.add_to_principal(grantee=grantee, actions=_INVOKE, resource_arns=[self.endpoint_arn])

    def metric(
        self, metric_name: str, *, statistic: str = "Average", period: Duration | None = None
    ) -> cloudwatch.Metric:
        """A metric of https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html, of all instances.

        Args:
            metric_name: of the namespace `AWS/SageMaker`, such as `OverheadLatency`.
            statistic: such as `Sum` or `p99`. Default: the average.
            period: of the data points. Default: five minutes.
        """
        variant = {"EndpointName": self.endpoint_name, "VariantName": _VARIANT}
        return cloudwatch.Metric(
            namespace="AWS/SageMaker",
            metric_name=metric_name,
            dimensions_map=variant,
            statistic=statistic,
            period=period,
        )

    def metric_invocations(self) -> cloudwatch.Metric:
        """How many requests were sent to the endpoint."""
        return self.metric("Invocations", statistic="Sum")

    def metric_invocation_5xx_errors(self) -> cloudwatch.Metric:
        """How many requests the model answered with an error."""
        return self.metric("Invocation5XXErrors", statistic="Sum")

    def metric_model_latency(self, *, statistic: str = "p99") -> cloudwatch.Metric:
        """How many microseconds the model took to answer; by default 99 of 100 requests took no longer."""
        return self.metric("ModelLatency", statistic=statistic)


def _check_size(endpoint_name: str, declaration: str) -> None:
    size = len(_TOKEN.sub("x" * _TOKEN_BYTES, declaration).encode())
    if size > _LIMIT_BYTES:
        raise ConfigurationError(
            f"{endpoint_name}: the endpoint's declaration has about {size} bytes, and its SSM parameter holds "
            f"{_LIMIT_BYTES}; write fewer or shorter environment variables, tags and alarms"
        )
