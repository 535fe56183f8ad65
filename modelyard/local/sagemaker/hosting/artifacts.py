"""Bringing a model's artefact from S3 to an instance's ``/opt/ml/model``."""

from __future__ import annotations

import contextlib
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelyard.local.sagemaker.jobs.storage import Storage, StorageError

__all__ = ["Artifact", "ArtifactError"]


class ArtifactError(Exception):
    """An artefact that cannot be had or opened, in the words of DescribeEndpoint's FailureReason."""


class Artifact:
    """The model data of one variant, downloaded once to the file ``archive`` and laid out for each of its instances."""

    def __init__(self, client: Any, source: dict[str, str] | None, archive: Path) -> None:
        self._storage = Storage(client)
        self._source = source
        self._archive = archive

    def fetch(self) -> None:
        """Download what every instance will need; raises ``ArtifactError``."""
        if self._source is not None and self._source["CompressionType"] == "Gzip":
            with _explained(self._source["S3Uri"]):
                self._archive.write_bytes(self._storage.read(self._source["S3Uri"]))

    def lay_out(self, folder: Path) -> None:
        """Fill ``folder``, which must be empty or absent; raises ``ArtifactError``."""
        folder.mkdir(parents=True, exist_ok=True)
        if self._source is None:
            return
        uri = self._source["S3Uri"]
        if self._source["CompressionType"] == "Gzip":
            self._extract(uri, folder)
            return
        with _explained(uri):
            objects = self._storage.below(uri)
            if self._source["S3DataType"] == "S3Object":
                objects = [item for item in objects if f"s3://{item.bucket}/{item.key}" == uri]
            if not objects:
                raise StorageError("no object")
            self._storage.download(objects, folder)

    def _extract(self, uri: str, folder: Path) -> None:
        try:
            with tarfile.open(self._archive, mode="r:gz") as archive:
                # The filter keeps every member inside the folder, whatever its name says.
                archive.extractall(folder, filter="data")
        except (tarfile.TarError, OSError, EOFError) as error:
            raise ArtifactError(
                f'Failed to extract model data archive from URL "{uri}". Please ensure that the object located at the '
                f"URL is a valid tar.gz archive. ({error})"
            ) from None


@contextlib.contextmanager
def _explained(uri: str) -> Iterator[None]:
    try:
        yield
    except StorageError:
        raise ArtifactError(
            f'Failed to download model data for container "container_1" from URL: "{uri}". Please ensure that there is '
            "an object located at the URL and that the role passed to CreateModel has permissions to download the "
            "object."
        ) from None
