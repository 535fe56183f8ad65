"""What jobs read from S3 and write to it."""

from __future__ import annotations

import json
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

__all__ = ["S3Object", "Storage", "StorageError", "split_uri"]


class StorageError(Exception):
    """Data that is not there or cannot be read or written; the message names the S3 URI."""


@dataclass(frozen=True)
class S3Object:
    """An object, and the path that it has below the folder it is downloaded to."""

    bucket: str
    key: str
    path: str


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an ``s3://`` URI; raises ``StorageError``."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise StorageError(f"'{uri}' is not an S3 URI: write s3://BUCKET/KEY")
    return bucket, key


class Storage:
    """S3 as one job sees it."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def read(self, uri: str) -> bytes:
        """The content of one object."""
        bucket, key = split_uri(uri)
        try:
            return bytes(self._client.get_object(Bucket=bucket, Key=key)["Body"].read())
        except ClientError as error:
            raise StorageError(f"{uri} cannot be read: {_reason(error)}") from None

    def below(self, uri: str) -> list[S3Object]:
        """The objects whose keys begin with ``uri`` (SageMaker's data type S3Prefix), in the order of their keys."""
        bucket, prefix = split_uri(uri)
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
        except ClientError as error:
            raise StorageError(f"{uri} cannot be listed: {_reason(error)}") from None
        return [S3Object(bucket, key, _relative(key, prefix)) for key in sorted(keys) if not key.endswith("/")]

    def in_manifest(self, uri: str) -> list[S3Object]:
        """The objects that the manifest ``uri`` names (data type ManifestFile)."""
        try:
            first, *names = json.loads(self.read(uri))
            bucket, prefix = split_uri(first["prefix"])
            return [S3Object(bucket, prefix + name, name) for name in names]
        except (ValueError, TypeError, KeyError):
            raise StorageError(f'{uri} is not a manifest: write [{{"prefix": "s3://…"}}, "name", …]') from None

    def download(self, objects: Iterable[S3Object], folder: Path) -> None:
        """Write ``objects`` below ``folder``; an object cannot get outside it."""
        folder.mkdir(parents=True, exist_ok=True)
        for item in objects:
            target = folder / item.path
            if not target.resolve().is_relative_to(folder.resolve()):
                raise StorageError(f"s3://{item.bucket}/{item.key} would be written outside of the job's folder")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self.read(f"s3://{item.bucket}/{item.key}"))

    def upload(self, folder: Path, uri: str, kms_key: str | None = None) -> None:
        """Put every file below ``folder`` under ``uri``."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.upload_file(path, folder, uri, kms_key)

    def upload_file(self, path: Path, folder: Path, uri: str, kms_key: str | None = None) -> None:
        """Put the file ``path`` under ``uri`` as it lies below ``folder``."""
        self.upload_as(path, _under(uri, path, folder), kms_key)

    def upload_as(self, path: Path, uri: str, kms_key: str | None = None) -> None:
        """Put the file ``path`` at ``uri``."""
        with path.open("rb") as file:
            self._put(file, uri, kms_key)

    def delete_file(self, path: Path, folder: Path, uri: str) -> None:
        """Delete what `upload_file` put with the same arguments."""
        target = _under(uri, path, folder)
        bucket, key = split_uri(target)
        try:
            self._client.delete_object(Bucket=bucket, Key=key)
        except ClientError as error:
            raise StorageError(f"{target} cannot be deleted: {_reason(error)}") from None

    def upload_archive(self, folders: Sequence[Path], uri: str, kms_key: str | None = None) -> bool:
        """Put what ``folders`` hold as one tar.gz at ``uri``; of equal names the first counts. False without any."""
        members = {entry.name: entry for folder in reversed(folders) for entry in sorted(folder.iterdir())}
        if not members:
            return False
        with tempfile.TemporaryFile() as file:
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as archive:
                for name, entry in sorted(members.items()):
                    archive.add(entry, arcname=name)
            file.seek(0)
            self._put(file, uri, kms_key)
        return True

    def _put(self, file: Any, uri: str, kms_key: str | None) -> None:
        bucket, key = split_uri(uri)
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
        try:
            self._client.put_object(Bucket=bucket, Key=key, Body=file, **encryption)
        except ClientError as error:
            raise StorageError(f"{uri} cannot be written: {_reason(error)}") from None


def _under(uri: str, path: Path, folder: Path) -> str:
    return f"{uri.rstrip('/')}/{path.relative_to(folder).as_posix()}"


def _relative(key: str, prefix: str) -> str:
    if key == prefix:
        return key.rpartition("/")[2]
    if prefix.endswith("/") or key.startswith(prefix + "/"):
        return key[len(prefix) :].lstrip("/")
    return key[prefix.rfind("/") + 1 :]


def _reason(error: ClientError) -> str:
    return str(error.response["Error"].get("Message") or error.response["Error"]["Code"])
