"""Images on this machine: contexts by their content, and what a build has tagged."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Built", "Store", "context_folder", "context_of", "keep_context"]

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_CONTEXT = re.compile(r"sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Built:
    """An image: the digest of its context and the build arguments it was made with."""

    context: str
    build_args: dict[str, str]

    def manifest(self) -> str:
        """The image's manifest, in which the context stands in the place of a layer. The same image has the same."""
        config = json.dumps({"build_args": self.build_args, "context": self.context}, sort_keys=True).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {"mediaType": _CONFIG, "size": len(config), "digest": _digest(config)},
            "layers": [{"mediaType": _LAYER, "size": 0, "digest": f"sha256:{self.context}"}],
        }
        return json.dumps(manifest, indent=3)


class Store:
    """What one build's `docker` knows: ``images`` is the file of its tags, ``state_dir`` holds the contexts of all."""

    def __init__(self, state_dir: Path, images: Path) -> None:
        self.state_dir = state_dir
        self._images = images

    def tag(self, name: str, image: Built) -> None:
        """Let ``name`` stand for ``image``."""
        known = {**self._read(), name: {"context": image.context, "build_args": image.build_args}}
        self._images.write_text(json.dumps(known))

    def find(self, name: str) -> Built | None:
        """The image that ``name`` stands for."""
        found = self._read().get(name)
        return Built(**found) if found else None

    def _read(self) -> dict[str, Any]:
        return json.loads(self._images.read_text()) if self._images.is_file() else {}


def context_folder(state_dir: Path, digest: str) -> Path:
    """Where the context of this digest is kept."""
    return state_dir / "images" / digest


def context_of(manifest: str) -> str:
    """The digest of the context in a manifest that `Built.manifest` made; raises ValueError or KeyError for another."""
    (layer,) = json.loads(manifest)["layers"]
    digest = _CONTEXT.fullmatch(str(layer["digest"]))
    if digest is None:
        # It becomes part of a path.
        raise ValueError(f"{layer['digest']!r} is no digest of a context")
    return digest[1]


def keep_context(state_dir: Path, folder: Path) -> str:
    """Keep a copy of ``folder`` for as long as the local AWS's state; returns the digest of its content."""
    from modelyard.local.sagemaker.jobs.environments import beside, locked

    files = sorted(path for path in folder.rglob("*") if path.is_file())
    content = hashlib.sha256()
    for path in files:
        name = path.relative_to(folder).as_posix()
        content.update(f"{name}\0{path.stat().st_mode & 0o100}\0".encode())
        content.update(hashlib.sha256(path.read_bytes()).digest())
    digest = content.hexdigest()
    kept = context_folder(state_dir, digest)
    with locked(kept):
        if not kept.is_dir():
            with beside(kept) as made:
                for path in files:
                    target = made / path.relative_to(folder)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, target)
    return digest


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
