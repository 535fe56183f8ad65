"""Removing configs, models and alarms of an endpoint: the old ones after a rollout, all of them with the endpoint."""

from __future__ import annotations

from typing import Any

from . import alarms, scaling
from .artifacts import OWNER_TAG, is_artifact_name, name_prefix
from .errors import unless_absent
from .runtime import Runtime

KEEP = 3  # besides those in use: enough to see what was served lately
_PARTS = 2  # a config and a model


def collect(runtime: Runtime, endpoint_name: str, in_use: set[str]) -> list[str]:
    """Delete the endpoint's own configs, models and alarms but those `in_use` and the newest `KEEP`; return the names.

    A model without its config, or a config without its model, is what a crash has left, and no use. An alarm goes
    before its config, so that a crash between the two leaves what is found again.
    """
    found = _artifacts(runtime.client("sagemaker"), endpoint_name)
    newest = sorted(found, key=lambda name: str(found[name]["created"]), reverse=True)
    unused = [name for name in newest if name not in in_use]
    whole = [name for name in unused if len(found[name]["arns"]) == _PARTS]
    spare = sorted(set(unused) - set(whole[:KEEP]))
    _delete_alarms(runtime, endpoint_name, keep=in_use | (found.keys() - set(spare)))
    return _delete(runtime.client("sagemaker"), endpoint_name, {name: found[name] for name in spare})


def delete_all(runtime: Runtime, endpoint_name: str) -> list[str]:
    """Delete every config, model and alarm of the endpoint, and its scalable target; return the configs' names."""
    scaling.deregister(runtime.client("application-autoscaling"), endpoint_name)
    _delete_alarms(runtime, endpoint_name, keep=set())
    sagemaker = runtime.client("sagemaker")
    return _delete(sagemaker, endpoint_name, _artifacts(sagemaker, endpoint_name))


def delete_one(runtime: Runtime, endpoint_name: str, name: str) -> None:
    """Delete the config `name`, its model and its alarms; absent counts as done."""
    cloudwatch = runtime.client("cloudwatch")
    own = alarms.of_endpoint(cloudwatch, endpoint_name)
    alarms.delete(cloudwatch, [alarm for alarm, config in own.items() if config == name])
    _delete_pair(runtime.client("sagemaker"), name)


def _delete_alarms(runtime: Runtime, endpoint_name: str, keep: set[str]) -> None:
    cloudwatch = runtime.client("cloudwatch")
    own = alarms.of_endpoint(cloudwatch, endpoint_name)
    alarms.delete(cloudwatch, [alarm for alarm, config in own.items() if config not in keep])


def _delete_pair(sagemaker: Any, name: str) -> None:
    unless_absent(sagemaker.delete_endpoint_config, EndpointConfigName=name)
    unless_absent(sagemaker.delete_model, ModelName=name)


def _artifacts(sagemaker: Any, endpoint_name: str) -> dict[str, dict[str, Any]]:
    """Creation time and ARNs by name of what is called like the endpoint's artifacts; config and model share a name."""
    found: dict[str, dict[str, Any]] = {}
    prefix = name_prefix(endpoint_name).rstrip("-")
    for operation, result, kind in (
        ("list_endpoint_configs", "EndpointConfigs", "EndpointConfig"),
        ("list_models", "Models", "Model"),
    ):
        for page in sagemaker.get_paginator(operation).paginate(NameContains=prefix):
            for item in page[result]:
                if is_artifact_name(endpoint_name, item[f"{kind}Name"]):
                    entry = found.setdefault(item[f"{kind}Name"], {"created": item["CreationTime"], "arns": []})
                    entry["arns"].append(item[f"{kind}Arn"])
    return found


def _delete(sagemaker: Any, endpoint_name: str, artifacts: dict[str, dict[str, Any]]) -> list[str]:
    own = [name for name, entry in artifacts.items() if _owned(sagemaker, endpoint_name, entry["arns"][0])]
    for name in own:
        _delete_pair(sagemaker, name)
    return own


def _owned(sagemaker: Any, endpoint_name: str, arn: str) -> bool:
    """Whether the owner tag names this endpoint; names that share their first 46 characters share the prefix."""
    answer = unless_absent(sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn).build_full_result)
    return {"Key": OWNER_TAG, "Value": endpoint_name} in (answer or {}).get("Tags", [])
