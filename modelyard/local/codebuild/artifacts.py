"""What a build puts out: the files that its buildspec names, as a ZIP file or one by one in S3.

Messages are CodeBuild's own. Symbolic links are followed, as CodeBuild does unless `enable-symlinks` is set, but not
into folders.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from modelyard.local.codebuild.buildspec import Artifact
from modelyard.local.sagemaker.jobs.storage import Storage, StorageError

__all__ = ["ArtifactError", "files_of", "upload"]


class ArtifactError(Exception):
    """An artifact that cannot be put together or stored."""


def files_of(artifact: Artifact, source: Path) -> dict[str, Path]:
    """The files of ``artifact`` in the folder ``source`` by the names that they get; raises ``ArtifactError``."""
    wanted, unwanted = _matcher(artifact.files), _matcher(artifact.exclude_paths)
    found: dict[str, Path] = {}
    for base in _bases(artifact.base_directory, source):
        for path in _files(base):
            name = path.relative_to(base).as_posix()
            if wanted.fullmatch(name) and not unwanted.fullmatch(name):
                found[path.name if artifact.discard_paths else name] = path
    if not found:
        raise ArtifactError("no matching artifact paths found")
    return found


def upload(
    storage: Storage, place: Mapping[str, Any], files: Mapping[str, Path], key: str, encryption_key: str
) -> dict[str, Any]:
    """Store ``files`` at the place that a project gives its artifact; returns what a build tells of it.

    ``key`` is the artifact's key in the bucket, a prefix where it is not packaged. Raises ``ArtifactError``.
    """
    uri = f"s3://{place['location']}/{key}"
    kms_key = None if place.get("encryptionDisabled") else encryption_key
    told = {"location": f"arn:aws:s3:::{place['location']}/{key}"}
    if "artifactIdentifier" in place:
        told["artifactIdentifier"] = place["artifactIdentifier"]
    try:
        if place.get("packaging") != "ZIP":
            for name, path in files.items():
                storage.upload_as(path, f"{uri.rstrip('/')}/{name}", kms_key)
            return told
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "artifact.zip"
            _zip(archive, files)
            storage.upload_as(archive, uri, kms_key)
            content = archive.read_bytes()
    except (StorageError, OSError) as error:
        raise ArtifactError(str(error)) from None
    sums = {"sha256sum": hashlib.sha256(content).hexdigest(), "md5sum": hashlib.md5(content).hexdigest()}
    return {**told, **sums}


def _bases(pattern: str, source: Path) -> list[Path]:
    pattern = pattern.removeprefix("./").rstrip("/")
    if pattern in ("", "."):
        return [source]
    above, _, last = pattern.rpartition("/")
    folder = (source / above).resolve()
    matching = folder.iterdir() if folder.is_relative_to(source.resolve()) and folder.is_dir() else ()
    found = sorted(path for path in matching if path.is_dir() and fnmatchcase(path.name, last))
    if not found:
        raise ArtifactError(f"no matching base directory path found for {pattern}")
    return found


def _files(base: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(base):
        folders.sort()
        yield from (path for name in sorted(names) if (path := Path(folder) / name).is_file())


def _matcher(patterns: Iterable[str]) -> re.Pattern[str]:
    """A pattern of the paths that one of CodeBuild's patterns is for: `**` stands for any folders, `*` for a name."""
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    tokens = re.compile(r"\*\*/|\*\*|\*|\?|[^*?]+")
    expressions = [
        "".join(parts.get(token) or re.escape(token) for token in tokens.findall(pattern.removeprefix("./")))
        for pattern in patterns
    ]
    return re.compile("|".join(expressions) if expressions else r"(?!)", re.DOTALL)


def _zip(archive: Path, files: Mapping[str, Path]) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1, strict_timestamps=False) as out:
        for name, path in files.items():
            out.write(path, name)
