"""What is said of data that cannot be had."""

__all__ = ["DataError"]


class DataError(Exception):
    """A data set that cannot be had; says why and what to do."""
