"""One endpoint as SageMaker describes it."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from .artifacts import VARIANT
from .errors import is_denied, unless_absent
from .instants import instant
from .steps import Endpoint


def describe(sagemaker: Any, endpoint_name: str) -> Endpoint | None:
    """The endpoint now, or None if there is none."""
    answer = unless_absent(sagemaker.describe_endpoint, EndpointName=endpoint_name)
    if answer is None:
        return None
    return Endpoint(
        status=answer["EndpointStatus"],
        config_name=answer.get("EndpointConfigName", ""),
        modified=instant(answer["LastModifiedTime"]),
        pending_config=answer.get("PendingDeploymentSummary", {}).get("EndpointConfigName", ""),
        failure_reason=answer.get("FailureReason", ""),
        count=sum(item.get("DesiredInstanceCount", 0) for item in _variants(answer) if item["VariantName"] == VARIANT),
    )


def _variants(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return answer.get("ProductionVariants") or []


def served_package(sagemaker: Any, config_name: str) -> str:
    """ARN of the model package that an endpoint config serves; empty if its model was not made from a package.

    What others made may have names that the hook's role does not cover; that is not from a package of ours either.
    """
    try:
        return _served_package(sagemaker, config_name)
    except ClientError as error:
        if not is_denied(error):
            raise
        return ""


def _served_package(sagemaker: Any, config_name: str) -> str:
    config = unless_absent(sagemaker.describe_endpoint_config, EndpointConfigName=config_name) or {}
    model_name = config.get("ProductionVariants", [{}])[0].get("ModelName")
    model = unless_absent(sagemaker.describe_model, ModelName=model_name) if model_name else None
    containers = (model or {}).get("Containers") or [(model or {}).get("PrimaryContainer", {})]
    return str(containers[0].get("ModelPackageName", ""))
