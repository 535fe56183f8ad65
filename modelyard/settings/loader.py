"""Reads `platform.yaml` and explains what is wrong with it."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from modelyard.settings.allowed import KEY, allowed
from modelyard.settings.document import Document, Location, read
from modelyard.settings.errors import SettingsError, nearest
from modelyard.settings.model import Settings
from modelyard.settings.schema import PlatformFile


def load_settings(path: Path) -> Settings:
    """The settings in `path`.

    Raises:
        SettingsError: the file is wrong; one message names the first error in it, top to bottom: file, line, field,
            the value received and what is allowed.

    Example:
        >>> load_settings(Path("platform.yaml")).stages[0].name
        'dev'
    """
    return check(read(path))


def check(document: Document) -> Settings:
    """The settings in `document`.

    Raises:
        SettingsError: as `load_settings`.
    """
    try:
        return Settings.from_file(PlatformFile.model_validate(document.values))
    except ValidationError as error:
        messages = [_message(document, detail) for detail in error.errors(include_url=False)]
        raise SettingsError(min(messages)[-1]) from None


def _message(document: Document, detail: Any) -> tuple[bool, int, str]:
    """The text of one of pydantic's errors, after what orders it: a key is often missing because it is misspelt."""
    location = _location(document, detail)
    spot = document.spot(location)
    problem = _problem(detail, location, spot.text)
    field = ".".join(str(part) for part in location)
    return (
        detail["type"] == "missing",
        spot.line,
        f"{document.file}, line {spot.line}: {f'{field}: ' if field else ''}{problem}",
    )


def _problem(detail: Any, location: Location, received: str) -> str:
    if detail["type"] == "rule":
        return str(detail["ctx"]["message"])
    if detail["type"] == "extra_forbidden":
        keys = allowed(PlatformFile, location[:-1])
        return f"unknown key, received {received}; allowed: {keys}{nearest(str(location[-1]), keys.split(', '))}"
    choice = allowed(PlatformFile, detail["loc"]) or allowed(PlatformFile, location)
    if detail["type"] == "missing":
        return f"missing; allowed: {choice}"
    if detail["loc"][-1:] == (KEY,):
        return f"received this name; allowed: {choice}"
    return f"received {received}; allowed: {choice}"


def _location(document: Document, detail: Any) -> Location:
    """Where in the file an error belongs: pydantic's location less the parts that name its own types."""
    location: Location = detail["loc"]
    if detail["type"] == "rule":
        return (*location, *detail["ctx"]["field"])
    if detail["type"] == "missing":
        return location
    return max((location[:end] for end in range(len(location) + 1) if location[:end] in document.spots), key=len)
