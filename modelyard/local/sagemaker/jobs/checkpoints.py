"""Checkpoints of a training job: from S3 before it starts, and from then on S3 is made to hold what the folder does.

A file that is deleted in the folder is deleted in S3 too. See
https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from modelyard.local.sagemaker.jobs.storage import Storage

__all__ = ["Checkpoints"]

_Version = tuple[int, int]


class Checkpoints:
    """The folder of one instance, and where it is kept."""

    def __init__(self, storage: Storage, uri: str, folder: Path, kms_key: str | None = None) -> None:
        self._storage = storage
        self._uri = uri
        self._folder = folder
        self._kms_key = kms_key
        self._kept: dict[Path, _Version] = {}

    def fetch(self) -> None:
        """Bring in what earlier jobs have left; raises ``StorageError``."""
        self._storage.download(self._storage.below(self._uri), self._folder)
        self._kept = dict(self._files())

    def keep(self) -> bool:
        """Make what is kept what the folder holds now, and say whether it was not; raises ``StorageError``."""
        found = dict(self._files())
        changed = [(path, version) for path, version in found.items() if self._kept.get(path) != version]
        # A folder that is gone as a whole is no training's doing.
        deleted = [path for path in self._kept if path not in found] if self._folder.is_dir() else []
        for path, version in changed:
            try:
                self._storage.upload_file(path, self._folder, self._uri, self._kms_key)
            except FileNotFoundError:  # renamed or deleted meanwhile
                continue
            self._kept[path] = version
        # After the new ones: at no time is there none.
        for path in deleted:
            self._storage.delete_file(path, self._folder, self._uri)
            del self._kept[path]
        return bool(changed or deleted)

    def _files(self) -> Iterator[tuple[Path, _Version]]:
        # The program goes on writing, renaming and deleting while this looks.
        for folder, _, names in os.walk(self._folder):
            for name in sorted(names):
                path = Path(folder, name)
                try:
                    found = path.stat()
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(found.st_mode):
                    yield path, (found.st_mtime_ns, found.st_size)
