"""What a pipeline runs on: its definition, and the data that it reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

__all__ = ["PREFIX", "NoAccess", "NoData", "inputs_name"]

PREFIX = "inputs-"
"""How the display name begins of an execution that was started for its inputs."""

_DIGITS = 24
_SCHEME = "s3://"
# An object that consoles make to show an empty folder; no job gets it.
_FOLDER = "/"


class NoData(Exception):
    """There is nothing to run on; the message says where to put it."""


class NoAccess(Exception):
    """Whether there is something to run on cannot be seen; the message says where to put it."""


def inputs_name(client: Callable[[str], Any], pipeline: str) -> str:
    """The display name of an execution of `pipeline` on its present inputs: equal inputs, equal name.

    It is made of the definition as it stands, and of every object below each `s3://` URI that a parameter of the
    pipeline has for its value: key, ETag and size. A bucket lists its objects in the order of their keys.

    Args:
        client: gives the boto3 client of a service.
        pipeline: its name.

    Raises:
        NoData: there is no object below one of the URIs.
        NoAccess: the objects below one of them may not be listed.
    """
    definition = client("sagemaker").describe_pipeline(PipelineName=pipeline)["PipelineDefinition"]
    digest = hashlib.sha256(definition.encode())
    for uri in sorted(_uris(json.loads(definition))):
        count = 0
        for item in _objects(client("s3"), uri):
            digest.update(json.dumps([uri, item["Key"], item["ETag"], item["Size"]]).encode())
            count += 1
        if not count:
            raise NoData(f"no data below {uri}; put some there: aws s3 cp FILE {uri}")
    return PREFIX + digest.hexdigest()[:_DIGITS]


def _uris(definition: dict[str, Any]) -> set[str]:
    values = (parameter.get("DefaultValue") for parameter in definition.get("Parameters", ()))
    return {value for value in values if isinstance(value, str) and value.startswith(_SCHEME)}


def _objects(s3: Any, uri: str) -> Iterator[dict[str, Any]]:
    bucket, _, prefix = uri.removeprefix(_SCHEME).partition("/")
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", ()):
                if not (item["Key"].endswith(_FOLDER) and item["Size"] == 0):
                    yield item
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "NoSuchBucket":
            raise NoData(
                f"no data below {uri}: there is no such bucket; give the parameter a URI that exists"
            ) from None
        if code == "AccessDenied":
            problem = f"{uri} may not be listed; keep what parameters name in the stage's data or artifacts bucket"
            raise NoAccess(f"{problem} ({error})") from None
        raise
