"""What the caller can put right, in one line each."""

__all__ = ["StarterError"]


class StarterError(Exception):
    """A repository that cannot be written as asked for; the text says what was received and what is allowed."""
