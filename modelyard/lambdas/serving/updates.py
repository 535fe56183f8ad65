"""What an update is asked for with, besides the config: its rollout, its alarms, and the capacity to keep."""

from __future__ import annotations

from typing import Any

from . import alarms, scaling
from .artifacts import VARIANT
from .declaration import Declaration
from .errors import unless_absent
from .rollouts import deployment_config
from .runtime import Runtime


def arguments(runtime: Runtime, declared: Declaration, live_config: str, config_name: str) -> dict[str, Any]:
    """UpdateEndpoint's further arguments, with the alarms that they name made and quiet.

    Of an endpoint that somebody else made with other variants SageMaker takes neither a rollout nor kept capacity.
    A scalable target does not let the instance type change: it goes, and comes back once the endpoint is in service.
    """
    sagemaker, name = runtime.client("sagemaker"), declared.endpoint_name
    live = unless_absent(sagemaker.describe_endpoint_config, EndpointConfigName=live_config) or {}
    types = {item["VariantName"]: item.get("InstanceType") for item in live.get("ProductionVariants", [])}
    if types != {VARIANT: declared.instance_type}:
        scaling.deregister(runtime.client("application-autoscaling"), name)
    if set(types) != {VARIANT}:
        return {}
    names = alarms.prepare(runtime.client("cloudwatch"), declared, config_name)
    rollout = deployment_config(declared.rollout, names)
    keeps = declared.scaling is not None and types[VARIANT] == declared.instance_type
    return {**({"DeploymentConfig": rollout} if rollout else {}), **(scaling.RETAIN if keeps else {})}
