"""Values as a caller writes them, and as YAML spells them."""

from __future__ import annotations

import json
import re
from typing import Any, get_args, get_origin

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from modelyard.config.errors import ConfigError
from modelyard.config.keys import Path, dotted
from modelyard.settings.allowed import expected
from modelyard.settings.schema import PlatformFile

__all__ = ["read_value", "spell"]


def read_value(path: Path, text: str) -> Any:
    """The value that `text` is for the place `path`.

    Where the settings take text, it is text whatever it looks like: an account keeps its zeros. Where they take a list,
    it is a YAML list or has commas between its items. Elsewhere it is a YAML scalar.

    Raises:
        ConfigError: it begins like a YAML list or mapping and is none.
    """
    wanted = expected(PlatformFile, path)
    if get_origin(wanted) is tuple:
        item = get_args(wanted)[0]
        parts = _collection(path, text) if text.lstrip().startswith("[") else text.split(",") if text.strip() else []
        return [_scalar(item, part.strip()) if isinstance(part, str) else part for part in parts]
    if wanted is not None and expected(wanted, ()) is not str and text.lstrip().startswith(("[", "{")):
        return _collection(path, text)
    return _scalar(wanted, text)


def spell(value: Any, like: str = "") -> str:
    """`value` as YAML on one line, in the quotes that `like`, another spelling, has."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{spell(name)}: {spell(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(spell(item) for item in value) + "]"
    if isinstance(value, str):
        return _spell_text(value, like[:1])
    return json.dumps(value) if isinstance(value, bool | None) else str(value)


def _scalar(wanted: Any, text: str) -> Any:
    value = _load(text)
    if isinstance(value, str):
        return value if text[:1] in ("'", '"') else text
    takes_text = wanted is not None and expected(wanted, ()) is str
    # A comment, or the zeros of 007, would be lost in a number.
    is_scalar = text.strip() and not re.search(r"#|^[-+]?0\d", text) and isinstance(value, bool | int | float | None)
    return value if is_scalar and not takes_text else text


def _collection(path: Path, text: str) -> Any:
    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        problem = str(getattr(error, "problem", None) or error).splitlines()[0]
        raise ConfigError(f"{dotted(path)}: {text!r} is no YAML: {problem}; write [a, b] or a,b for a list") from None


def _load(text: str, version: tuple[int, int] = (1, 2)) -> Any:
    """What YAML makes of `text`; text that is no YAML, or more than one line of it, is itself."""
    yaml = YAML(typ="safe", pure=True)
    yaml.version = version
    try:
        return yaml.load(text) if text.isprintable() else text
    except (YAMLError, ValueError):
        return text


def _spell_text(text: str, quote: str) -> str:
    if quote == "'" and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    if quote != '"' and _is_plain(text):
        return text
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def _is_plain(text: str) -> bool:
    """Whether `text` without quotes is itself, between brackets as well, by the older YAML 1.1 as well."""
    places = (f"key: {text}", f"{{key: {text}}}")
    trials = [_load(place, version) for place in places for version in ((1, 2), (1, 1))]
    return text.isprintable() and all(trial == {"key": text} for trial in trials)
