"""Changes one value in the text of a YAML file and leaves every other character as it is.

A dump of the parsed file would wrap long lines and even out spaces; this cuts at the marks of YAML's own parser. The
caller compares what the new text holds with what it should hold (`modelyard.config.file`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from modelyard.config.errors import ConfigError
from modelyard.config.keys import NAMED, Path, dotted
from modelyard.config.values import spell

__all__ = ["put", "remove"]

_ANCHOR = re.compile(r"&\S+[ \t]*")
_ALIAS = re.compile(r"\s*:\s+(\*[^\s,\[\]{}]+)")
_STEP = 2


@dataclass(frozen=True)
class _Entry:
    """A key with its value in the mapping `inside`; an alias's value stands elsewhere."""

    key: Node
    value: Node
    inside: MappingNode


def put(text: str, path: Path, value: Any, old: Any = None) -> str:
    """`text` with `value` at `path`; `old` is the value that stands there now.

    Raises:
        ConfigError: the place, or one above it, holds what the change would have to rewrite.
    """
    root = _compose(text)
    if root is None:
        return _with_lines(text, len(text), _lines(text, path, value, 0))
    if not root.value:
        return _spliced(text, root.start_mark.index, root.end_mark.index, spell(_nested(path, value)))
    entries = _entries(text, root, path)
    if len(entries) == len(path):
        return _replace(text, path, entries[-1], value, old)
    return _insert(text, path, entries, root, value)


def remove(text: str, path: Path) -> str:
    """`text` without the key `path` and without the sections that it leaves empty; a stage or project stays.

    Raises:
        ConfigError: the key does not stand there itself, but by an alias or a merge.
    """
    root = _compose(text)
    entries = _entries(text, root, path) if root else []
    if len(entries) < len(path):
        raise ConfigError(f"{dotted(path)} comes from an anchor elsewhere in the file; take it out there")
    entry = entries[-1]
    if len(entry.inside.value) > 1:
        return _cut(text, entry)
    if len(path) > NAMED + 1:
        return remove(text, path[:-1])
    return _cut(text, entry) if len(path) == 1 else _emptied(text, entries[-2], entry)


def _compose(text: str) -> MappingNode | None:
    """The top of the file; None if it holds nothing."""
    root = YAML(typ="safe", pure=True).compose(text)
    return root if isinstance(root, MappingNode) else None


def _entries(text: str, root: MappingNode, path: Path) -> list[_Entry]:
    """The keys of `path` as far as they stand in the file."""
    found: list[_Entry] = []
    node: Node = root
    for depth, name in enumerate(path):
        if depth and _is_alias(found[-1]):
            raise ConfigError(
                f"{dotted(path[:depth])} is {_alias(text, found[-1])[1]}, an anchor elsewhere in the file: "
                f"set {dotted(path)} there, or write the keys out"
            )
        if not isinstance(node, MappingNode):
            break
        pair = next(((key, value) for key, value in node.value if key.value == name), None)
        if pair is None:
            break
        found.append(_Entry(pair[0], pair[1], node))
        node = pair[1]
    return found


def _replace(text: str, path: Path, entry: _Entry, value: Any, old: Any) -> str:
    node = entry.value
    if isinstance(node, MappingNode) and node.value and not isinstance(value, dict):
        raise ConfigError(f"{dotted(path)} is a section and has keys; set those: modelyard config list {dotted(path)}")
    if _is_block(node) and not _is_alias(entry):
        if isinstance(node, SequenceNode) and value and isinstance(value, list):
            return _with_items(text, node, value, old)
        return _in_place(text, entry, spell(value))
    start, end = _span(text, entry)
    return _spliced(text, start, end, _after_colon(text, start, spell(value, like=text[start:end])))


def _insert(text: str, path: Path, entries: list[_Entry], root: MappingNode, value: Any) -> str:
    rest = path[len(entries) :]
    parent = entries[-1].value if entries else root
    if isinstance(parent, MappingNode) and parent.value:
        last = _last(parent)
        if parent.flow_style:
            pair = spell(_nested(rest, value))[1:-1]
            return _inserted(text, _end(text, last), f", {pair}")
        return _with_lines(text, _end(text, last), _lines(text, rest, value, parent.value[0][0].start_mark.column))
    entry = entries[-1]
    if not isinstance(parent, MappingNode) and str(parent.value) not in ("", "~", "null"):
        raise ConfigError(f"{dotted(path[: len(entries)])} holds a value and no keys; unset it first")
    start, end = _span(text, entry)
    if entry.inside.flow_style:
        return _spliced(text, start, end, _after_colon(text, start, spell(_nested(rest, value))))
    bare = text[:start].rstrip(" ")
    lines = _lines(text, rest, value, entry.key.start_mark.column + _STEP)
    return _with_lines(bare + text[end:], len(bare), lines)


def _with_items(text: str, node: SequenceNode, values: list[Any], old: Any) -> str:
    """Another list in the place of one with an item a line; items that stay keep their comments."""
    ends = [0, *(_line_end(text, _rstripped(text, item)) for item in node.value)]
    starts = [_commented(text, item.start_mark.index, before) for item, before in zip(node.value, ends, strict=False)]
    chunks = [text[a:b] for a, b in zip(starts, [*starts[1:], ends[-1]], strict=True)]
    kept = list(zip(old if isinstance(old, list) else [], chunks, strict=False))
    lines: list[str] = []
    for value in values:
        found = next((pair for pair in kept if pair[0] == value), None)
        if found:
            kept.remove(found)
        line = found[1] if found else " " * node.start_mark.column + f"- {spell(value)}"
        lines.append(line if line.endswith("\n") else line + _newline(text))
    return _spliced(text, starts[0], ends[-1], "".join(lines))


def _commented(text: str, index: int, bound: int) -> int:
    """The start of the line on which `index` stands, or of the comment lines right above it, not before `bound`."""
    start = _line_start(text, index)
    while start > bound and text[(above := _line_start(text, start - 1)) : start].lstrip().startswith("#"):
        start = above
    return start


def _emptied(text: str, parent: _Entry, entry: _Entry) -> str:
    """Without the only key of a section that stays: `{}`."""
    if entry.inside.flow_style:
        return _spliced(text, *_span(text, parent), "{}")
    cut = _cut(text, entry)
    colon = cut.index(":", parent.key.end_mark.index) + 1
    anchor = _ANCHOR.match(cut, colon + 1)
    return _inserted(cut, anchor.end() if anchor else colon, " {}")


def _in_place(text: str, entry: _Entry, spelling: str) -> str:
    """A value on the line of its key in the place of one on lines of its own."""
    colon = text.index(":", entry.key.end_mark.index) + 1
    line, after = _line_end(text, colon), _line_end(text, _end(text, entry))
    return f"{text[:colon]} {spelling}{text[colon:line]}{text[after:]}"


def _cut(text: str, entry: _Entry) -> str:
    pairs = entry.inside.value
    place = next(index for index, (key, _) in enumerate(pairs) if key is entry.key)
    if not entry.inside.flow_style:
        return _spliced(text, _line_start(text, entry.key.start_mark.index), _line_end(text, _end(text, entry)), "")
    if place:
        before = _Entry(pairs[place - 1][0], pairs[place - 1][1], entry.inside)
        return _spliced(text, _end(text, before), _end(text, entry), "")
    end = pairs[1][0].start_mark.index if pairs[1:] else _end(text, entry)
    return _spliced(text, entry.key.start_mark.index, end, "")


def _lines(text: str, path: Path, value: Any, indent: int) -> str:
    """A line for each name of `path`, the last one with the value."""
    lines = [" " * (indent + _STEP * depth) + f"{spell(name)}:" for depth, name in enumerate(path)]
    return "".join(line + _newline(text) for line in [*lines[:-1], f"{lines[-1]} {spell(value)}"])


def _nested(path: Path, value: Any) -> Any:
    for name in reversed(path):
        value = {name: value}
    return value


def _with_lines(text: str, after: int, lines: str) -> str:
    """`text` with `lines` below the line on which `after` stands."""
    place = _line_end(text, after)
    before = text[:place]
    return before + ("" if not before or before.endswith("\n") else _newline(text)) + lines + text[place:]


def _span(text: str, entry: _Entry) -> tuple[int, int]:
    """From where to where the value stands, its anchor not counted."""
    if _is_alias(entry):
        return _alias(text, entry).span(1)
    if not text[entry.value.start_mark.index : entry.value.end_mark.index].strip():
        # Nothing stands there; the parser marks where something else begins.
        colon = text.index(":", entry.key.end_mark.index) + 1
        return colon, colon
    start: int = entry.value.start_mark.index
    anchor = _ANCHOR.match(text, start) if entry.value.anchor else None
    return anchor.end() if anchor else start, max(_rstripped(text, entry.value), anchor.end() if anchor else start)


def _end(text: str, entry: _Entry) -> int:
    """Where what belongs to the key ends, without blanks and comments behind it."""
    node = entry.value
    if _is_block(node) and not _is_alias(entry):
        return _end(text, _last(node)) if isinstance(node, MappingNode) else _rstripped(text, node.value[-1])
    return _span(text, entry)[1]


def _rstripped(text: str, node: Node) -> int:
    """The end of a node; that of a text over several lines counts the line ends after it."""
    start: int = node.start_mark.index
    end: int = node.end_mark.index
    return start + len(text[start:end].rstrip())


def _is_block(node: Node) -> bool:
    return isinstance(node, MappingNode | SequenceNode) and not node.flow_style


def _is_alias(entry: _Entry) -> bool:
    return bool(entry.value.start_mark.index < entry.key.end_mark.index)


def _alias(text: str, entry: _Entry) -> re.Match[str]:
    found = _ALIAS.match(text, entry.key.end_mark.index)
    if found is None:
        raise ConfigError(f"{entry.key.value}: its value is an alias that is not understood; change the file by hand")
    return found


def _after_colon(text: str, start: int, spelling: str) -> str:
    return f" {spelling}" if text[start - 1] == ":" else spelling


def _last(mapping: MappingNode) -> _Entry:
    key, value = mapping.value[-1]
    return _Entry(key, value, mapping)


def _inserted(text: str, at: int, new: str) -> str:
    return _spliced(text, at, at, new)


def _spliced(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]


def _line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _line_end(text: str, index: int) -> int:
    """The start of the next line."""
    return text.find("\n", index) + 1 or len(text)


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
