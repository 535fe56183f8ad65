"""Variables in configurations: ``#{namespace.name}``, resolved when an action starts. See
https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

__all__ = ["OWN_NAMESPACES", "Unresolved", "has_variables", "references", "resolve"]

OWN_NAMESPACES = ("codepipeline", "variables")
"""The namespaces that no action may take."""

_REFERENCE = re.compile(r"#\{([^}]*)\}")

Values = Mapping[str, Mapping[str, str]]


class Unresolved(Exception):
    """A reference to what has no value."""


def has_variables(text: str) -> bool:
    """Whether ``text`` has a reference to a variable."""
    return _REFERENCE.search(text) is not None


def references(text: str) -> Iterator[tuple[str, str]]:
    """Namespace and name of each reference in ``text``; the name is empty where there is no namespace."""
    for reference in _REFERENCE.findall(text):
        namespace, _, name = reference.partition(".")
        yield namespace, name


def resolve(text: str, values: Values) -> str:
    """``text`` with the values of its variables, by namespace and name; raises ``Unresolved``."""

    def value_of(match: re.Match[str]) -> str:
        namespace, _, name = match[1].partition(".")
        if namespace not in values:
            raise Unresolved(f"{match[0]}: nothing has run in the namespace '{namespace}'")
        known = values[namespace]
        if name not in known:
            found = ", ".join(sorted(known)) or "none"
            raise Unresolved(f"{match[0]}: the namespace '{namespace}' has no variable '{name}'; it has: {found}")
        return known[name]

    return _REFERENCE.sub(value_of, text)
