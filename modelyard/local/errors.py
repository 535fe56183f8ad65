"""What the commands of the local AWS may refuse."""

__all__ = ["LocalError"]


class LocalError(Exception):
    """A command on the local AWS cannot be carried out; the text says why and what to do."""
