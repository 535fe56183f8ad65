"""Removing models and endpoint configs of an endpoint: the old ones after a rollout, all of them with the endpoint."""

from __future__ import annotations

from typing import Any

from .artifacts import OWNER_TAG, is_artifact_name, name_prefix
from .errors import unless_absent

KEEP = 3  # besides those in use: enough to see what was served lately


def collect(sagemaker: Any, endpoint_name: str, in_use: set[str]) -> list[str]:
    """Delete the endpoint's own configs and models but those `in_use` and the newest `KEEP`; return their names."""
    found = _artifacts(sagemaker, endpoint_name)
    newest = sorted(found, key=lambda name: str(found[name]["created"]), reverse=True)
    spare = [name for name in newest if name not in in_use][KEEP:]
    return _delete(sagemaker, endpoint_name, {name: found[name] for name in spare})


def delete_all(sagemaker: Any, endpoint_name: str) -> list[str]:
    """Delete every config and model of the endpoint; return their names."""
    return _delete(sagemaker, endpoint_name, _artifacts(sagemaker, endpoint_name))


def delete_one(sagemaker: Any, name: str) -> None:
    """Delete the config and the model `name`; absent counts as done."""
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
        delete_one(sagemaker, name)
    return own


def _owned(sagemaker: Any, endpoint_name: str, arn: str) -> bool:
    """Whether the owner tag names this endpoint; names that share their first 46 characters share the prefix."""
    answer = unless_absent(sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn).build_full_result)
    return {"Key": OWNER_TAG, "Value": endpoint_name} in (answer or {}).get("Tags", [])
