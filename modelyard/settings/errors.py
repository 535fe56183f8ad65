"""The errors that a user of the platform can cause and put right."""

from collections.abc import Iterable
from difflib import get_close_matches


class ConfigurationError(ValueError):
    """What was asked for cannot be built; the message says what was received and what to write instead."""


class SettingsError(ConfigurationError):
    """`platform.yaml` is wrong: the message gives file, line, field, value and what is allowed."""


class FieldError(ConfigurationError):
    """A value that breaks a rule: `field` is its name, `problem` what is wrong with it and what is allowed."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


def nearest(word: str, words: Iterable[str]) -> str:
    """The end of a message about a misspelt word: `; did you mean …?`, or nothing if none of `words` is near."""
    near = get_close_matches(word, sorted(words), n=1)
    return f"; did you mean {near[0]}?" if near else ""
