"""A YAML file with the line and the spelling of every value."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from modelyard.settings.errors import SettingsError

Location = tuple[str | int, ...]


@dataclass(frozen=True)
class Spot:
    """Where a value stands: the line of its key (or of itself in a list), and the text that stands there."""

    line: int
    text: str


@dataclass(frozen=True)
class Document:
    """The values of a YAML file, and where each stands, by its path of keys and indices.

    Where they stand is found out when it is first asked for, which a file without errors never does.
    """

    file: str
    values: Any
    text: str

    @cached_property
    def spots(self) -> dict[Location, Spot]:
        """Where each value stands."""
        root = YAML().compose(self.text)
        return {(): Spot(1, "nothing"), **({} if root is None else dict(_spots(root, (), Spot(1, ""))))}

    def spot(self, path: Location) -> Spot:
        """Where `path` stands or, if it is missing, where the innermost of its parents does."""
        while path not in self.spots and path:
            path = path[:-1]
        return self.spots.get(path, Spot(1, ""))


def read(path: Path) -> Document:
    """The document in `path`.

    Raises:
        SettingsError: there is no such file, or it is not YAML, or a key stands twice.
    """
    return parse(path, read_text(path))


def read_text(path: Path) -> str:
    """What stands in `path`, with its line ends as they are.

    Raises:
        SettingsError: there is no such file, or it is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such file; write one (docs/settings.md) or run in the folder of one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from error


def parse(path: Path, text: str) -> Document:
    """The document that `text` is; `path` is the file that errors name.

    Raises:
        SettingsError: it is not YAML, or a key stands twice.
    """
    try:
        values = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        raise SettingsError(_syntax_error(path, error)) from error
    except YAMLError as error:
        raise SettingsError(f"{path}, line 1: not YAML: {error}") from error
    return Document(str(path), values, text)


def _spots(node: Node, path: Location, spot: Spot) -> Iterator[tuple[Location, Spot]]:
    yield path, Spot(spot.line, _spelling(node))
    if isinstance(node, MappingNode):
        for key, value in node.value:
            yield from _spots(value, (*path, key.value), Spot(key.start_mark.line + 1, ""))
    elif isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            yield from _spots(item, (*path, index), Spot(item.start_mark.line + 1, ""))


def _spelling(node: Node) -> str:
    if isinstance(node, ScalarNode):
        return f'"{node.value}"' if node.style in ("'", '"') else str(node.value) or "nothing"
    if isinstance(node, SequenceNode):
        return "a list" if node.value else "[]"
    return "keys with values" if node.value else "{}"


def _syntax_error(path: Path, error: MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    line = 1 if mark is None else mark.line + 1
    problem = (error.problem or str(error)).splitlines()[0]
    if "tab" in problem or "'\\t'" in problem:
        problem = "a tab; indent with spaces"
    return f"{path}, line {line}: not YAML: {problem}"
