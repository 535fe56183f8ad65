"""A project's local cache: folders that its builds find again, see
https://docs.aws.amazon.com/codebuild/latest/userguide/caching-local.html.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from modelyard.local.codebuild.buildspec import BuildspecError

__all__ = ["link_cache"]


def link_cache(paths: Iterable[str], kept: Path, source: Path, home: Path) -> None:
    """Put links to the folders in ``kept`` where the buildspec's ``paths`` are; what the source brings itself stays.

    As on AWS only folders are cached. Paths are below the source, or below the home folder of the build, which is
    `/root` there. Raises ``BuildspecError`` for others.
    """
    for path in paths:
        name = path.rstrip("*/").removesuffix("/**").removeprefix("./")
        place = home / name.removeprefix("/root/") if name.startswith("/root/") else source / name
        if name in ("", ".") or not any(place.resolve().is_relative_to(base.resolve()) for base in (source, home)):
            raise BuildspecError(
                f"cache.paths: {path!r} is outside of the build; name a folder of it, or one below /root"
            )
        folder = kept / hashlib.sha256(name.encode()).hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(folder)
