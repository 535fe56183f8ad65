"""Source bundles: the files of a pipeline folder that one step runs.

A bundle holds only the files its step names, so that editing one step's script leaves the cached runs of the others
valid (SageMaker compares the S3 URIs in a step's arguments, and the construct uploads a bundle under its digest).
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SourceBundle:
    """A tar.gz archive on disk and the digest of what is in it.

    `digest` is taken over names and contents, not over the archive: another zlib may compress the same files to other
    bytes. Give it to CDK as the asset hash.
    """

    path: Path
    digest: str


def digest_files(folder: Path, files: list[str]) -> str:
    """SHA-256 (hex) of the named files' names and contents, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(files):
        content = (folder / name).read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
