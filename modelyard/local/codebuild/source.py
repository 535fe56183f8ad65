"""The source of a build: a ZIP file or a folder in S3."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

from modelyard.local.sagemaker.jobs.storage import Storage, StorageError

__all__ = ["fetch_source", "unzip"]


def fetch_source(storage: Storage, location: str, folder: Path) -> None:
    """Put the source at ``location`` (``bucket/key.zip``, ``bucket/prefix/``) into ``folder``; raises StorageError."""
    uri = f"s3://{location.removeprefix('arn:aws:s3:::')}"
    if uri.endswith("/"):
        found = storage.below(uri)
        if not found:
            raise StorageError(f"{uri} holds no object")
        storage.download(found, folder)
        return
    unzip(storage.read(uri), uri, folder)


def unzip(content: bytes, name: str, folder: Path) -> None:
    """Extract an archive with its programs still programs and its links links; raises StorageError for no archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for info in archive.infolist():
                path, mode = Path(archive.extract(info, folder)), info.external_attr >> 16
                # zipfile drops what makes a file a program, and writes a link as a file that holds its target.
                if stat.S_ISLNK(mode):
                    target = path.read_text()
                    path.unlink()
                    path.symlink_to(target)
                elif not info.is_dir() and mode & 0o111:
                    path.chmod(0o755)
    except zipfile.BadZipFile:
        raise StorageError(f"{name} is no ZIP file") from None
