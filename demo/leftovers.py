"""What a destroyed platform must not leave: looked for in every service that it uses."""

from __future__ import annotations

from typing import Any

from modelyard.names import PREFIX

__all__ = ["leftovers"]


def leftovers(clients: dict[str, Any]) -> dict[str, list[str]]:
    """What is there, by kind; the stack and bucket of `cdk bootstrap` belong to the account, not to the platform."""
    sagemaker = clients["sagemaker"]
    stacks = _all(clients["cloudformation"], "describe_stacks", "Stacks", "StackName")
    tables = _all(clients["dynamodb"], "list_tables", "TableNames", None)
    buckets = [bucket["Name"] for bucket in clients["s3"].list_buckets()["Buckets"]]
    repositories = _all(clients["ecr"], "describe_repositories", "repositories", "repositoryName")
    parameters = clients["ssm"].get_paginator("get_parameters_by_path").paginate(Path=f"/{PREFIX}", Recursive=True)
    return {
        "stacks": [stack for stack in stacks if stack != "CDKToolkit"],
        "endpoints": _all(sagemaker, "list_endpoints", "Endpoints", "EndpointName"),
        "endpoint configs": _all(sagemaker, "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
        "models": _all(sagemaker, "list_models", "Models", "ModelName"),
        "pipelines": _all(sagemaker, "list_pipelines", "PipelineSummaries", "PipelineName"),
        "model package groups": _all(
            sagemaker, "list_model_package_groups", "ModelPackageGroupSummaryList", "ModelPackageGroupName"
        ),
        "parameters": [parameter["Name"] for page in parameters for parameter in page["Parameters"]],
        "tables": [table for table in tables if table.startswith(PREFIX)],
        "repositories": [name for name in repositories if name.startswith(f"{PREFIX}/")],
        "buckets": [bucket for bucket in buckets if bucket.startswith(PREFIX)],
    }


def _all(client: Any, operation: str, answer: str, name: str | None) -> list[str]:
    pages = client.get_paginator(operation).paginate()
    return [item if name is None else item[name] for page in pages for item in page[answer]]
