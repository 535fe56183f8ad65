"""The declaration of an endpoint: what the stack wants, one JSON text in one SSM parameter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .errors import unless_absent
from .instants import instant

FORMAT = 1
# Bytes, https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
LIMIT = 4096
PARAMETER_SUFFIX = "/endpoint"
ROLLOUTS = {"all_at_once"}

_TEXT = (str,)
_NUMBER = (int,)
_OPTIONAL_TEXT = (str, type(None))
_OPTIONAL_NUMBER = (int, type(None))
_KEYS: dict[str, tuple[type, ...]] = {
    "version": _NUMBER,
    "endpoint_name": _TEXT,
    "model_package_group_name": _TEXT,
    "execution_role_arn": _TEXT,
    "instance_type": _TEXT,
    "instance_count": _NUMBER,
    "kms_key_arn": _OPTIONAL_TEXT,
    "network": (dict, type(None)),
    "environment": (dict,),
    "tags": (dict,),
    "health_check_timeout_seconds": _OPTIONAL_NUMBER,
    "download_timeout_seconds": _OPTIONAL_NUMBER,
    "rollout": (dict,),
}
_NETWORK_KEYS: dict[str, tuple[type, ...]] = {
    "subnet_ids": (list,),
    "security_group_ids": (list,),
    "isolation": (bool,),
}


class DeclarationError(ValueError):
    """A declaration that cannot be used; the text names the key, its value and what is expected."""


@dataclass(frozen=True)
class Network:
    """Subnets and security groups of the model's containers; `isolation` cuts them off from any network."""

    subnet_ids: list[str]
    security_group_ids: list[str]
    isolation: bool


@dataclass(frozen=True)
class Declaration:
    """The keys of the JSON text, with its names; see `docs/approvals.md`."""

    endpoint_name: str
    model_package_group_name: str
    execution_role_arn: str
    instance_type: str
    instance_count: int
    kms_key_arn: str | None = None
    network: Network | None = None
    environment: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    health_check_timeout_seconds: int | None = None
    download_timeout_seconds: int | None = None
    rollout: dict[str, Any] = field(default_factory=lambda: {"type": "all_at_once"})


@dataclass(frozen=True)
class Declared:
    """A declaration and where it stands. `id` changes with every write of the parameter, also of the same text."""

    declaration: Declaration
    parameter_name: str
    id: str


def parse(text: str, where: str = "declaration") -> Declaration:
    """The declaration in `text`; a DeclarationError that starts with `where` if it is not one."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise DeclarationError(f"{where}: not JSON: {error}") from None
    if len(text.encode()) > LIMIT:
        raise DeclarationError(f"{where}: {len(text.encode())} bytes; an SSM parameter holds {LIMIT}")
    _check(value, _KEYS, where)
    if value["version"] != FORMAT:
        raise DeclarationError(f"{where}: version is {value['version']}; this hook reads version {FORMAT}")
    if value["instance_count"] < 1:
        raise DeclarationError(f"{where}: instance_count is {value['instance_count']}; expected at least 1")
    if value["rollout"].get("type") not in ROLLOUTS:
        raise DeclarationError(f"{where}: rollout is {value['rollout']!r}; expected a type of {sorted(ROLLOUTS)}")
    network = value.get("network")
    if network is not None:
        _check(network, _NETWORK_KEYS, f"{where}: network")
    rest = {key: item for key, item in value.items() if key not in ("version", "network")}
    return Declaration(network=Network(**network) if network else None, **rest)


def read(ssm: Any, parameter_name: str) -> Declared | None:
    """The declaration that stands in a parameter now, or None if there is no such parameter."""
    answer = unless_absent(ssm.get_parameter, Name=parameter_name)
    if answer is None:
        return None
    parameter = answer["Parameter"]
    identity = f"{parameter['Version']}@{instant(parameter['LastModifiedDate'])}"
    return Declared(parse(parameter["Value"], parameter_name), parameter_name, identity)


def texts(ssm: Any, path: str) -> Iterator[tuple[str, str]]:
    """Name and text of every declaration under `path`, all pages of it."""
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True)
    for page in pages:
        for parameter in page["Parameters"]:
            if parameter["Name"].endswith(PARAMETER_SUFFIX):
                yield parameter["Name"], parameter["Value"]


def _check(value: Any, keys: dict[str, tuple[type, ...]], where: str) -> None:
    if not isinstance(value, dict):
        raise DeclarationError(f"{where}: expected an object with {', '.join(keys)}; got {value!r}")
    # The CDK leaves a null out of what it writes.
    needed = {key for key, kinds in keys.items() if type(None) not in kinds}
    unknown, missing = sorted(value.keys() - keys.keys()), sorted(needed - value.keys())
    if unknown or missing:
        raise DeclarationError(f"{where}: unknown keys {unknown}, missing keys {missing}")
    for key, item in value.items():
        kinds = keys[key]
        if not isinstance(item, kinds) or (isinstance(item, bool) and bool not in kinds):
            expected = " or ".join("null" if kind is type(None) else kind.__name__ for kind in kinds)
            raise DeclarationError(f"{where}: {key} is {item!r}; expected {expected}")
