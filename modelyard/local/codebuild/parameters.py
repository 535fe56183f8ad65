"""Values of a build's variables that are kept in SSM parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

__all__ = ["ParameterError", "read_parameters"]

_AT_ONCE = 10


class ParameterError(Exception):
    """A parameter that is not there or cannot be read, in CodeBuild's words."""


def read_parameters(ssm: Any, wanted: Mapping[str, str]) -> dict[str, str]:
    """The values of the parameters ``wanted``, by the variables that they are for."""
    names, values = sorted(set(wanted.values())), dict[str, str]()
    for start in range(0, len(names), _AT_ONCE):
        try:
            answer = ssm.get_parameters(Names=names[start : start + _AT_ONCE], WithDecryption=True)
        except ClientError as error:
            raise ParameterError(str(error)) from None
        values.update({parameter["Name"]: parameter["Value"] for parameter in answer["Parameters"]})
    for name in names:
        if name not in values:
            raise ParameterError(f"parameter does not exist: {name}")
    return {variable: values[name] for variable, name in wanted.items()}
