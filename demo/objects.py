"""Objects in S3 by their URI."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from urllib.parse import urlsplit

__all__ = ["read_csv", "read_json", "read_object", "write_object"]


def read_object(s3: Any, uri: str) -> bytes:
    """The bytes of the object at ``uri``."""
    return bytes(s3.get_object(**_place(uri))["Body"].read())


def write_object(s3: Any, uri: str, content: bytes) -> None:
    """Put ``content`` at ``uri``."""
    s3.put_object(**_place(uri), Body=content)


def read_json(s3: Any, uri: str) -> Any:
    """The JSON document at ``uri``."""
    return json.loads(read_object(s3, uri))


def read_csv(s3: Any, uri: str) -> list[list[str]]:
    """The rows of the CSV file at ``uri``, its header among them."""
    return list(csv.reader(io.StringIO(read_object(s3, uri).decode())))


def _place(uri: str) -> dict[str, str]:
    parts = urlsplit(uri)
    return {"Bucket": parts.netloc, "Key": parts.path.lstrip("/")}
