"""Watches an endpoint until a version serves, and calls it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from demo.screen import Screen

__all__ = ["DemoFailed", "package_of", "predict", "require_serving", "wait_until_serving"]

PATIENCE_SECONDS = 120


class DemoFailed(Exception):
    """Something was not as the demo promises."""


def wait_until_serving(screen: Screen, sagemaker: Any, endpoint: str, package_arn: str) -> float:
    """Wait until ``endpoint`` is in service with exactly ``package_arn``; the seconds that it took.

    Raises `DemoFailed` where it fails, or does not serve that version within two minutes.
    """
    start = time.monotonic()
    seen, _ = _status(sagemaker, endpoint)
    screen.say(f"endpoint [bold]{endpoint}[/] is {seen}")
    while time.monotonic() - start < PATIENCE_SECONDS:
        status, reason = _status(sagemaker, endpoint)
        if status != seen:
            screen.say(f"endpoint [bold]{endpoint}[/] {seen} → {status}")
            seen = status
        if status == "Failed":
            raise DemoFailed(f"endpoint {endpoint} failed: {reason}")
        if status == "InService" and _served(sagemaker, endpoint) == package_arn:
            return time.monotonic() - start
        time.sleep(0.1)
    raise DemoFailed(f"endpoint {endpoint} does not serve {package_arn} after {PATIENCE_SECONDS} s (it is {seen})")


def require_serving(sagemaker: Any, endpoint: str, package_arn: str) -> None:
    """Raise `DemoFailed` unless ``endpoint`` is in service with exactly ``package_arn``."""
    status, _ = _status(sagemaker, endpoint)
    if status != "InService" or _served(sagemaker, endpoint) != package_arn:
        raise DemoFailed(f"endpoint {endpoint} is {status} and does not serve {package_arn}")


def package_of(sagemaker: Any, config: str) -> str:
    """The ARN of the model package version that an endpoint config serves."""
    (variant,) = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    (container,) = sagemaker.describe_model(ModelName=variant["ModelName"])["Containers"]
    return str(container["ModelPackageName"])


def predict(runtime: Any, endpoint: str, rows: Sequence[Sequence[str]]) -> list[float]:
    """The endpoint's answers to ``rows``, as CSV both ways."""
    answer = runtime.invoke_endpoint(
        EndpointName=endpoint,
        ContentType="text/csv",
        Accept="text/csv",
        Body="\n".join(",".join(row) for row in rows),
    )
    return [float(line) for line in answer["Body"].read().decode().split()]


def _status(sagemaker: Any, endpoint: str) -> tuple[str, str]:
    try:
        found = sagemaker.describe_endpoint(EndpointName=endpoint)
    except ClientError as error:
        if "Could not find endpoint" in str(error):
            return "absent", ""
        raise
    return found["EndpointStatus"], found.get("FailureReason", "")


def _served(sagemaker: Any, endpoint: str) -> str:
    return package_of(sagemaker, sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"])
