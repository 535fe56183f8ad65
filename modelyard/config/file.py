"""A settings file that is changed whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

from modelyard.config import editing
from modelyard.config.errors import ConfigError
from modelyard.config.keys import Path, changed, dotted, entries, find
from modelyard.settings.document import Document, parse, read_text
from modelyard.settings.errors import SettingsError
from modelyard.settings.loader import check

__all__ = ["SettingsFile"]


@dataclass(frozen=True)
class SettingsFile:
    """The text of a settings file, read once."""

    path: File
    text: str

    @staticmethod
    def read(path: File) -> SettingsFile:
        """The file as it is.

        Raises:
            SettingsError: there is none, it is not UTF-8, or it is not YAML with keys.
        """
        file = SettingsFile(path, read_text(path))
        document = file.document()
        if document.values is not None and not isinstance(document.values, dict):
            check(document)
        return file

    def document(self) -> Document:
        """What it holds, right or wrong."""
        return parse(self.path, self.text)

    def get(self, path: Path) -> Any:
        """The value or section at `path`.

        Raises:
            ConfigError: it is not there; says what is.
        """
        return find(self.document().values, path, str(self.path))

    def change(self, values: Sequence[tuple[Path, Any]], unset: Sequence[Path] = ()) -> SettingsFile:
        """The file without the keys of `unset` and with these values; nothing is written yet.

        Raises:
            ConfigError: a key to take out is not there, or one cannot be changed without another.
            SettingsError: the settings do not take the result.
        """
        file = self
        for path in unset:
            file = file._without(path)
        for path, value in values:
            file = file._with(path, value)
        check(file.document())
        return file

    def write(self) -> None:
        """Put it in the place of the file, with the same permissions; through a link, in the place of its target.

        Raises:
            ConfigError: it cannot be written; the file is as it was.
        """
        target = self.path.resolve()
        try:
            descriptor, aside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(self.text.encode())
                    os.fchmod(file.fileno(), target.stat().st_mode & 0o7777)
                    os.fsync(file.fileno())
                File(aside).replace(target)
            except BaseException:
                File(aside).unlink()
                raise
        except OSError as error:
            raise ConfigError(
                f"{self.path}: cannot be written: {error.strerror or error}; nothing is changed"
            ) from error

    def _with(self, path: Path, value: Any) -> SettingsFile:
        values = self.document().values
        old = next((held for known, held in entries(values) if known == path), None)
        if _comparable(old) == _comparable(value) and old is not None:
            return self
        return self._becomes(path, editing.put(self.text, path, value, old), changed(values, path, value))

    def _without(self, path: Path) -> SettingsFile:
        values = self.document().values
        find(values, path, str(self.path))
        return self._becomes(path, editing.remove(self.text, path), changed(values, path, remove=True))

    def _becomes(self, path: Path, text: str, values: Any) -> SettingsFile:
        """The file with this text, which has to hold exactly these values: an anchor may share them."""
        file = SettingsFile(self.path, text)
        try:
            same = _comparable(file.document().values or {}) == _comparable(values)
        except SettingsError:
            same = False
        if same:
            return file
        raise ConfigError(
            f"{dotted(path)} cannot be changed alone: an anchor (&) shares it with other keys, or it is written "
            f"in a way that only a person can change; nothing is changed, edit {self.path} by hand"
        )


def _comparable(values: Any) -> str:
    return json.dumps(values, sort_keys=True, default=repr)
