"""Reads and writes what the stacks tell the outside world, in SSM Parameter Store.

IAM permissions, on `arn:aws:ssm:<region>:<account>:parameter/modelyard/<stage>/*`: `ssm:GetParameter` to get,
`ssm:GetParametersByPath`, on `…/<project>` itself, to list and to name the keys that exist,
`ssm:PutParameter` to put, `ssm:DeleteParameter` to delete. See
https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-access.html.
"""

from dataclasses import dataclass, field
from typing import Any, TypeVar, overload

import boto3

from modelyard import names
from modelyard.settings.errors import nearest

Value = TypeVar("Value", str, int, float, bool)
_TRUTH = {"true": True, "false": False}
# Bytes, https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
_LIMIT = 4096


class ParameterError(LookupError):
    """A parameter that does not exist, does not hold what was asked for, or cannot be written."""


@dataclass(frozen=True)
class ParameterStore:
    """The parameters `/modelyard/<stage>/<project>/<key>`.

    Args:
        stage: name of the stage.
        project: name of the project. Default: `platform`, for what belongs to the stage itself.
        client: a boto3 client of SSM. Default: one with the session's credentials and region.

    Example:
        >>> import boto3
        >>> ParameterStore("age", "rings", client=boto3.client("ssm", "us-east-1")).path
        '/modelyard/age/rings'
    """

    stage: str
    project: str = names.PLATFORM
    client: Any = field(default_factory=lambda: boto3.client("ssm"), repr=False)

    @property
    def path(self) -> str:
        """The common path of all keys."""
        return names.parameter_path(self.stage, self.project)

    @overload
    def get(self, key: str) -> str: ...
    @overload
    def get(self, key: str, type: type[Value]) -> Value: ...
    def get(self, key: str, type: type[Any] = str) -> Any:
        """The value of `key`, as `type`: str, int, float or bool (`true` or `false`).

        Raises:
            ParameterError: there is no such key; the message names the path and the keys that exist. Or the value is no
                such type.
        """
        try:
            text: str = self.client.get_parameter(Name=self._name(key))["Parameter"]["Value"]
        except self.client.exceptions.ParameterNotFound:
            raise self._missing(key) from None
        try:
            return _TRUTH[text] if type is bool else type(text)
        except (KeyError, ValueError):
            raise ParameterError(f"{self._name(key)} holds {text!r}, which is no {type.__name__}") from None

    def put(self, key: str, value: str | int | float | bool) -> None:
        """Write `value` to `key`, whether it exists or not; a truth value is written `true` or `false`.

        Raises:
            ParameterError: the value is empty or larger than 4,096 bytes, which Parameter Store does not hold.
        """
        text = str(value).lower() if isinstance(value, bool) else str(value)
        size = len(text.encode())
        if not 1 <= size <= _LIMIT:
            raise ParameterError(f"{self._name(key)}: the value has {size} bytes; a parameter holds 1 to {_LIMIT}")
        self.client.put_parameter(Name=self._name(key), Value=text, Type="String", Overwrite=True)

    def list(self) -> dict[str, str]:
        """All keys with their values, in the order of the keys; a key below another one has a `/` in it."""
        pages = self.client.get_paginator("get_parameters_by_path").paginate(Path=self.path, Recursive=True)
        found = {item["Name"]: item["Value"] for page in pages for item in page["Parameters"]}
        return {name.removeprefix(f"{self.path}/"): found[name] for name in sorted(found)}

    def delete(self, key: str) -> None:
        """Delete `key`.

        Raises:
            ParameterError: there is no such key; the message names the path and the keys that exist.
        """
        try:
            self.client.delete_parameter(Name=self._name(key))
        except self.client.exceptions.ParameterNotFound:
            raise self._missing(key) from None

    def _name(self, key: str) -> str:
        return names.parameter_path(self.stage, self.project, key)

    def _missing(self, key: str) -> ParameterError:
        keys = self.list()
        there = f"the keys there are: {', '.join(keys)}" if keys else "there are no keys at all"
        return ParameterError(f"no parameter {key!r} under {self.path}; {there}{nearest(key, keys)}")
