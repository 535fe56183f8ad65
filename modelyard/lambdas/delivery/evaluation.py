"""A registered version, with what was measured of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

__all__ = ["Version", "version_of"]

_ABSENT = frozenset({"NoSuchKey", "NoSuchBucket"})
_VALUE = "value"
_MOST = 6


@dataclass(frozen=True)
class Version:
    """A version of a model, and its metrics by name."""

    arn: str
    number: int
    metrics: dict[str, float] = field(default_factory=dict)

    def measures(self, before: str) -> str:
        """The metrics as text such as `rmse 2.18, mae 1.5`, with `before` in front, where there are any."""
        told = ", ".join(f"{name} {value:.4g}" for name, value in list(self.metrics.items())[:_MOST])
        return f"{before}{told}" if told else ""


def version_of(client: Callable[[str], Any], group: str, arn: str = "") -> Version | None:
    """The version `arn`, or the newest of `group`; None where there is none.

    Its metrics are those of the statistics that it was registered with, a JSON file as SageMaker's monitors write it
    (https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html).

    Args:
        client: gives the boto3 client of a service.
        group: name of a model package group.
        arn: of a model package.
    """
    sagemaker = client("sagemaker")
    arn = arn or _newest(sagemaker, group)
    if not arn:
        return None
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    statistics = package.get("ModelMetrics", {}).get("ModelQuality", {}).get("Statistics", {})
    metrics = _read(client("s3"), statistics["S3Uri"]) if statistics else {}
    return Version(arn, package["ModelPackageVersion"], metrics)


def _newest(sagemaker: Any, group: str) -> str:
    if not group:
        return ""
    answer = sagemaker.list_model_packages(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending", MaxResults=1
    )
    return next((str(item["ModelPackageArn"]) for item in answer["ModelPackageSummaryList"]), "")


def _read(s3: Any, uri: str) -> dict[str, float]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            return {}
        raise
    return dict(_measured("", json.loads(content)))


def _measured(name: str, value: Any) -> Iterator[tuple[str, float]]:
    """Every object in `value` that has a number as its `value`, by its key."""
    if isinstance(value, dict):
        measured = value.get(_VALUE)
        if isinstance(measured, (int, float)) and not isinstance(measured, bool):
            yield name, float(measured)
        for key, inner in value.items():
            yield from _measured(key, inner)
