"""The two events of an endpoint, with the fields and the spelling of
https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
"""

from __future__ import annotations

import re
from typing import Any

from modelyard.local.sagemaker import tags
from modelyard.local.sagemaker.context import Context, Record

__all__ = ["emit_deployment_change", "emit_state_change"]


def emit_state_change(context: Context, endpoint: Record) -> None:
    """Tell of the state that ``endpoint`` has now."""
    context.emit("SageMaker Endpoint State Change", _detail(context, endpoint), [endpoint["EndpointArn"]])


def emit_deployment_change(context: Context, endpoint: Record) -> None:
    """Tell how far the update of ``endpoint`` is."""
    detail = _detail(context, endpoint)
    if "PendingDeploymentSummary" in endpoint:
        detail["PendingDeploymentSummary"] = _in_milliseconds(endpoint["PendingDeploymentSummary"])
    context.emit("SageMaker Endpoint Deployment State Change", detail, [endpoint["EndpointArn"]])


def _detail(context: Context, endpoint: Record) -> dict[str, Any]:
    members = ("EndpointName", "EndpointArn", "EndpointConfigName", "ProductionVariants", "FailureReason")
    return {
        **_in_milliseconds({name: endpoint[name] for name in members if name in endpoint}),
        # "InService" is spelled "IN_SERVICE" here.
        "EndpointStatus": re.sub(r"(?<=[a-z])(?=[A-Z])", "_", endpoint["EndpointStatus"]).upper(),
        "CreationTime": round(endpoint["CreationTime"] * 1000),
        "LastModifiedTime": round(endpoint["LastModifiedTime"] * 1000),
        "Tags": {tag["Key"]: tag["Value"] for tag in tags.tags_of(context, endpoint["EndpointArn"])},
    }


def _in_milliseconds(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_milliseconds(item) for item in value]
    if isinstance(value, dict):
        return {
            name: round(item * 1000) if name in ("StartTime", "ResolutionTime") else _in_milliseconds(item)
            for name, item in value.items()
        }
    return value
