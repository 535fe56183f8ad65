"""What the caller can put right, in one line each."""

from __future__ import annotations

__all__ = ["ConfigError"]


class ConfigError(Exception):
    """A key that is not there or cannot be changed; the text says what there is and what to do instead."""
