"""A registered version, with what was measured of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from .versions import newest

__all__ = ["Version", "registered_version"]

_UNREADABLE = frozenset({"NoSuchKey", "NoSuchBucket", "AccessDenied"})
_VALUE = "value"
_MOST = 6


@dataclass(frozen=True)
class Version:
    """A version of a model, its metrics by name, and the S3 URI of the file that they are read from."""

    arn: str
    number: int
    metrics: dict[str, float] = field(default_factory=dict)
    statistics: str = ""

    def measures(self, before: str) -> str:
        """The metrics as text such as `rmse 2.18, mae 1.5`, with `before` in front, where there are any."""
        told = ", ".join(f"{name} {value:.4g}" for name, value in list(self.metrics.items())[:_MOST])
        return f"{before}{told}" if told else ""


def registered_version(client: Callable[[str], Any], group: str, arn: str = "") -> Version | None:
    """The version `arn`, or the newest of `group`; None where there is none.

    Its metrics are those of the statistics that it was registered with, a JSON file as SageMaker's monitors write it
    (https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html); none where it cannot be
    read.

    Args:
        client: gives the boto3 client of a service.
        group: name of a model package group.
        arn: of a model package.
    """
    sagemaker = client("sagemaker")
    if not arn and group:
        found = newest(sagemaker, group)
        arn = found["ModelPackageArn"] if found else ""
    if not arn:
        return None
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    uri = package.get("ModelMetrics", {}).get("ModelQuality", {}).get("Statistics", {}).get("S3Uri", "")
    metrics = _read(client("s3"), uri) if uri else {}
    return Version(arn, package["ModelPackageVersion"], metrics, uri)


def _read(s3: Any, uri: str) -> dict[str, float]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in _UNREADABLE:
            return {}
        raise
    try:
        return dict(_measured("", json.loads(content)))
    except ValueError:
        return {}


def _measured(name: str, value: Any) -> Iterator[tuple[str, float]]:
    """Every object in `value` that has a number as its `value`, by its key."""
    if isinstance(value, dict):
        measured = value.get(_VALUE)
        if isinstance(measured, (int, float)) and not isinstance(measured, bool):
            yield name, float(measured)
        for key, inner in value.items():
            yield from _measured(key, inner)
