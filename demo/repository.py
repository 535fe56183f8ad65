"""A team's repository: this one's files with the demo's settings, and commits to it as zip files."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from pathlib import Path

__all__ = ["Repository"]

# What `make env` makes and no commit holds: the checkout's own serves the copy.
_SHARED = (".venv", "node_modules")
_UNTRACKED = {*_SHARED, "cdk.out", ".cache"}


class Repository:
    """A copy in `folder` of the files that git tracks in `origin`."""

    def __init__(self, origin: Path, folder: Path) -> None:
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        tracked = subprocess.run(["git", "ls-files", "-z"], cwd=origin, capture_output=True, text=True, check=True)
        for name in filter(None, tracked.stdout.split("\0")):
            if (origin / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(origin / name, folder / name)
        for name in _SHARED:
            (folder / name).symlink_to(origin / name)

    def copy(self, source: str, target: str) -> None:
        """Copy a file, or a folder of sources, within the repository."""
        if (self.folder / source).is_file():
            shutil.copy2(self.folder / source, self.folder / target)
            return
        shutil.copytree(self.folder / source, self.folder / target)

    def replace(self, name: str, old: str, new: str) -> None:
        """Write `new` for `old`, which stands in the file once or more; raises ValueError where it does not."""
        path = self.folder / name
        text = path.read_text()
        if old not in text:
            raise ValueError(f"{name} does not hold {old!r}")
        path.write_text(text.replace(old, new))

    def zip(self, path: Path) -> Path:
        """The repository as a zip file at `path`, with programs still programs."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(self.folder.rglob("*")):
                name = file.relative_to(self.folder)
                if file.is_file() and name.parts[0] not in _UNTRACKED and "__pycache__" not in name.parts:
                    archive.write(file, name)
        return path
