"""Keeping the state of the local AWS on disk: whole or not at all, and only what changed.

A snapshot is one manifest, ``snapshot.json``, that names every part by the hash of its content; parts and long byte
strings (S3 objects, Lambda code) are files under ``blobs/`` that are written once. The manifest is renamed into place
last, so a process killed at any moment leaves the snapshot before it. Files that it does not name are then removed.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelyard.local.errors import LocalError

__all__ = ["Snapshot", "SnapshotStore"]

FORMAT = 1
# Shorter byte strings stay in their part.
BLOB_BYTES = 512
_BLOB = "__modelyard_blob__"


@dataclass(frozen=True)
class Snapshot:
    """State by part, and when it was taken (epoch seconds)."""

    taken_at: float
    parts: dict[str, Any]


class SnapshotStore:
    """The snapshot in ``folder``. ``default`` and ``hook`` are JSON's for values that JSON does not know."""

    def __init__(self, folder: Path, default: Callable[[Any], Any], hook: Callable[[dict[str, Any]], Any]) -> None:
        self._manifest = folder / "snapshot.json"
        self._blobs = folder / "blobs"
        self._default = default
        self._hook = hook
        # By identity, with the object itself so that the identity stays its own: hashing every S3 object each time
        # would cost seconds.
        self._hashes: dict[int, tuple[bytes, str]] = {}
        self._saving = threading.Lock()

    def save(self, snapshot: Snapshot) -> None:
        """Replace the snapshot by this one; on an error the one before stays."""
        with self._saving:
            self._save(snapshot)

    def _save(self, snapshot: Snapshot) -> None:
        self._blobs.mkdir(parents=True, exist_ok=True)
        seen: dict[int, tuple[bytes, str]] = {}

        def encode(value: Any) -> Any:
            if isinstance(value, bytes) and len(value) >= BLOB_BYTES:
                entry = seen.get(id(value)) or self._hashes.get(id(value)) or (value, self._write(value))
                seen[id(value)] = entry
                return {_BLOB: entry[1]}
            return self._default(value)

        parts = {
            name: self._write(json.dumps(part, default=encode, separators=(",", ":")).encode())
            for name, part in sorted(snapshot.parts.items())
        }
        named = {*parts.values(), *(digest for _value, digest in seen.values())}
        self._hashes = seen
        manifest = {"format": FORMAT, "taken_at": snapshot.taken_at, "parts": parts, "blobs": len(named)}
        _write_whole(self._manifest, json.dumps(manifest, indent=2).encode())
        for file in self._blobs.iterdir():
            if file.name not in named:
                file.unlink(missing_ok=True)

    def load(self) -> Snapshot | None:
        """The snapshot, or None where none was ever taken. Raises LocalError if it cannot be read."""
        try:
            manifest = json.loads(self._manifest.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise self._damaged(self._manifest, str(error)) from error
        if manifest.get("format") != FORMAT:
            raise self._damaged(self._manifest, f"format {manifest.get('format')} is not {FORMAT}")
        known: dict[str, bytes] = {}

        def decode(value: dict[str, Any]) -> Any:
            digest = value.get(_BLOB)
            if digest is None:
                return self._hook(value)
            if digest not in known:
                known[digest] = self._read(digest)
            self._hashes[id(known[digest])] = known[digest], digest
            return known[digest]

        parts = {name: json.loads(self._read(digest), object_hook=decode) for name, digest in manifest["parts"].items()}
        return Snapshot(manifest["taken_at"], parts)

    def _write(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        if not (self._blobs / digest).exists():
            _write_whole(self._blobs / digest, content)
        return digest

    def _read(self, digest: str) -> bytes:
        file = self._blobs / digest
        try:
            content = file.read_bytes()
        except OSError as error:
            raise self._damaged(file, str(error)) from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise self._damaged(file, "its content is not what was written")
        return content

    @staticmethod
    def _damaged(file: Path, why: str) -> LocalError:
        return LocalError(f"the kept state cannot be read: {file}: {why}; `modelyard local reset` starts afresh")


def _write_whole(path: Path, content: bytes) -> None:
    aside = path.with_suffix(".new")
    with aside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
