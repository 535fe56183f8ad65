"""Buildspecs, version 0.2, see https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["PHASES", "Buildspec", "BuildspecError", "Phase", "read_buildspec"]

PHASES = ("install", "pre_build", "build", "post_build")
_DEFAULT_FILE = "buildspec.yml"
_SHELLS = ("sh", "bash")
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class BuildspecError(Exception):
    """A buildspec that is wrong, or asks for what is not supported; the message says where."""


@dataclass(frozen=True)
class Phase:
    """The commands of a phase, those that run after them in any case, and whether its failure ends the build."""

    commands: Sequence[str] = ()
    last: Sequence[str] = ()
    aborts: bool = False


@dataclass(frozen=True)
class Buildspec:
    """What a build runs: the phases by name, its shell and its own variables."""

    phases: Mapping[str, Phase]
    shell: str
    variables: Mapping[str, str]


def read_buildspec(given: str | None, source: Path) -> Buildspec:
    """The buildspec of a build: ``given`` is its text, or its path in the folder ``source`` (by default buildspec.yml).

    Raises ``BuildspecError``.
    """
    text = given if given and "\n" in given else _file(given or _DEFAULT_FILE, source)
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        document = YAML(typ="safe").load(text)
    except YAMLError as error:
        raise BuildspecError(f"it is no YAML: {error}") from None
    document = _mapping(document, "the buildspec", {"version", "env", "phases"})
    if str(document.get("version")) != "0.2":
        raise BuildspecError(f"version: {document.get('version')!r} is not supported; write 0.2")
    env = _mapping(document.get("env", {}), "env", {"shell", "variables"})
    if env.get("shell", "sh") not in _SHELLS:
        raise BuildspecError(f"env.shell: {env['shell']!r} is not supported; supported: {', '.join(_SHELLS)}")
    variables = _mapping(env.get("variables", {}), "env.variables", None)
    for name in variables:
        if not _NAME.fullmatch(str(name)):
            raise BuildspecError(f"env.variables: {name!r} is no name of a variable")
    phases = _mapping(document.get("phases"), "phases", set(PHASES))
    return Buildspec(
        phases={name: _phase(phases[name], f"phases.{name}") if name in phases else Phase() for name in PHASES},
        shell=env.get("shell", "sh"),
        variables={name: str(value) for name, value in variables.items()},
    )


def _file(name: str, source: Path) -> str:
    path = (source / name).resolve()
    if not path.is_relative_to(source.resolve()) or not path.is_file():
        raise BuildspecError(f"there is no file {name} in the source")
    return path.read_text()


def _phase(given: Any, place: str) -> Phase:
    phase = _mapping(given, place, {"commands", "finally", "on-failure"})
    if phase.get("on-failure", "ABORT") != "ABORT":
        raise BuildspecError(f"{place}.on-failure: {phase['on-failure']!r} is not supported; supported: ABORT")
    commands, last = (_commands(phase.get(name, []), f"{place}.{name}") for name in ("commands", "finally"))
    if not commands:
        raise BuildspecError(f"{place}.commands: there is none")
    return Phase(commands, last, "on-failure" in phase)


def _commands(given: Any, place: str) -> list[str]:
    commands = [given] if isinstance(given, str) else given
    if not isinstance(commands, list):
        raise BuildspecError(f"{place}: expected a list of commands")
    for command in commands:
        if not isinstance(command, str):
            raise BuildspecError(f"{place}: {command!r} is no command: put it in quotes")
    return commands


def _mapping(given: Any, place: str, known: set[str] | None) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise BuildspecError(f"{place}: expected names with values")
    unknown = [name for name in given if known is not None and name not in known]
    if unknown:
        raise BuildspecError(
            f"{place}: {unknown[0]!r} is not supported by the local AWS; supported: {', '.join(sorted(known or ()))}"
        )
    return given
