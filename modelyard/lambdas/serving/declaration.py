"""The declaration of an endpoint: what the stack wants, one JSON text in one SSM parameter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from . import alarms, rollouts, scaling
from .alarms import AlarmSpec
from .artifacts import VERSION_VARIABLE
from .checks import NUMBER, OPTIONAL_NUMBER, OPTIONAL_TEXT, TEXT, Kinds, check
from .checks import DeclarationError as DeclarationError
from .errors import unless_absent
from .instants import instant
from .rollouts import Rollout
from .scaling import Scaling

FORMAT = 1
# Bytes, https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
LIMIT = 4096
PARAMETER_SUFFIX = "/endpoint"

_KEYS: dict[str, Kinds] = {
    "version": NUMBER,
    "endpoint_name": TEXT,
    "model_package_group_name": TEXT,
    "execution_role_arn": TEXT,
    "instance_type": TEXT,
    "instance_count": NUMBER,
    "kms_key_arn": OPTIONAL_TEXT,
    "network": (dict, type(None)),
    "environment": (dict,),
    "tags": (dict,),
    "health_check_timeout_seconds": OPTIONAL_NUMBER,
    "download_timeout_seconds": OPTIONAL_NUMBER,
    "inference_ami": OPTIONAL_TEXT,
    "rollout": (dict,),
    "alarms": (list, type(None)),
    "scaling": (dict, type(None)),
}
_NETWORK_KEYS: dict[str, Kinds] = {
    "subnet_ids": (list,),
    "security_group_ids": (list,),
    "isolation": (bool,),
}
_NOT_PLAIN = {"version", "network", "rollout", "alarms", "scaling"}


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
    inference_ami: str | None = None
    rollout: Rollout = field(default_factory=Rollout)
    alarms: list[AlarmSpec] = field(default_factory=list)
    scaling: Scaling | None = None


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
    check(value, _KEYS, where)
    if value["version"] != FORMAT:
        raise DeclarationError(f"{where}: version is {value['version']}; this hook reads version {FORMAT}")
    if value["instance_count"] < 1:
        raise DeclarationError(f"{where}: instance_count is {value['instance_count']}; expected at least 1")
    if VERSION_VARIABLE in value["environment"]:
        name = VERSION_VARIABLE
        raise DeclarationError(f"{where}: environment has {name}, which this hook sets; choose another name")
    network = value.get("network")
    if network is not None:
        check(network, _NETWORK_KEYS, f"{where}: network")
    return _assemble(value, Network(**network) if network else None, where)


def _assemble(value: dict[str, Any], network: Network | None, where: str) -> Declaration:
    plain = {key: item for key, item in value.items() if key not in _NOT_PLAIN}
    watched = alarms.parse(value.get("alarms") or [], f"{where}: alarms")
    bounds = value.get("scaling")
    scaled = scaling.parse(bounds, f"{where}: scaling") if bounds is not None else None
    instances = scaled.max if scaled else value["instance_count"]
    rollout = rollouts.parse(
        value["rollout"], value["instance_type"], instances, watched=bool(watched), where=f"{where}: rollout"
    )
    return Declaration(network=network, rollout=rollout, alarms=watched, scaling=scaled, **plain)


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
