"""A team's repository: this one's files with the demo's settings, and commits to it as zip files."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

__all__ = ["Repository"]

# What `make env` makes and no commit holds: the checkout's own serves the copy.
_SHARED = (".venv", "node_modules")


class Repository:
    """A copy in `folder` of the files in `origin`, but for what its `.gitignore` names."""

    def __init__(self, origin: Path, folder: Path) -> None:
        self.folder = folder
        ignored = [line.rstrip("/") for line in (origin / ".gitignore").read_text().split()]
        self._ignore = shutil.ignore_patterns(".git", *ignored)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(origin, folder, ignore=self._ignore)
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
            self._add(archive, self.folder)
        return path

    def _add(self, archive: zipfile.ZipFile, folder: Path) -> None:
        names = sorted(file.name for file in folder.iterdir())
        ignored = self._ignore(str(folder), names)
        for file in (folder / name for name in names if name not in ignored):
            if file.is_dir():
                self._add(archive, file)
            else:
                archive.write(file, file.relative_to(self.folder))
