"""Buildspecs, version 0.2, see https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["PHASES", "Artifact", "Buildspec", "BuildspecError", "Phase", "read_buildspec"]

PHASES = ("install", "pre_build", "build", "post_build")
_DEFAULT_FILE = "buildspec.yml"
_SHELLS = ("sh", "bash")
_ON_FAILURE = ("ABORT", "CONTINUE")
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_ARTIFACT = {"files", "name", "base-directory", "discard-paths", "exclude-paths", "enable-symlinks"}


class BuildspecError(Exception):
    """A buildspec that is wrong, or asks for what is not supported; the message says where."""


@dataclass(frozen=True)
class Phase:
    """The commands of a phase, those that run after them in any case, and what follows its failure.

    ``on_failure`` is ABORT, CONTINUE or empty: then the failure of an early phase ends the build.
    """

    commands: Sequence[str] = ()
    last: Sequence[str] = ()
    on_failure: str = ""


@dataclass(frozen=True)
class Artifact:
    """Which files a build puts out, and under what names."""

    files: Sequence[str]
    base_directory: str = ""
    exclude_paths: Sequence[str] = ()
    discard_paths: bool = False
    name: str = ""
    """As the shell reads it; counts where the project's ``overrideArtifactName`` is set."""


@dataclass(frozen=True)
class Buildspec:
    """What a build runs.

    ``parameters`` are names of variables with those of the SSM parameters that they get their values from, ``runtimes``
    the versions that must be there, ``secondary`` further artifacts by their identifiers, ``cache`` what to keep.
    """

    phases: Mapping[str, Phase]
    shell: str
    variables: Mapping[str, str]
    parameters: Mapping[str, str]
    exported: Sequence[str]
    runtimes: Mapping[str, str]
    artifact: Artifact | None
    secondary: Mapping[str, Artifact]
    cache: Sequence[str]


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
    document = _mapping(document, "the buildspec", {"version", "env", "phases", "artifacts", "cache"})
    if str(document.get("version")) != "0.2":
        raise BuildspecError(f"version: {document.get('version')!r} is not supported; write 0.2")
    env = _mapping(document.get("env", {}), "env", {"shell", "variables", "parameter-store", "exported-variables"})
    _one_of(env.get("shell", "sh"), "env.shell", _SHELLS)
    variables, parameters = (_variables(env.get(name, {}), f"env.{name}") for name in ("variables", "parameter-store"))
    phases = _mapping(document.get("phases"), "phases", set(PHASES))
    artifacts = document.get("artifacts")
    cache = _mapping(document.get("cache", {}), "cache", {"paths"})
    return Buildspec(
        phases={name: _phase(name, phases[name]) if name in phases else Phase() for name in PHASES},
        shell=env.get("shell", "sh"),
        variables=variables,
        parameters=parameters,
        exported=_exported(env.get("exported-variables", []), parameters),
        runtimes=_runtimes(phases.get("install", {})),
        artifact=_artifact(artifacts, "artifacts", {"secondary-artifacts"}) if artifacts is not None else None,
        secondary=_secondary(artifacts or {}),
        cache=_texts(cache.get("paths", []), "cache.paths"),
    )


def _file(name: str, source: Path) -> str:
    path = (source / name).resolve()
    if not path.is_relative_to(source.resolve()) or not path.is_file():
        raise BuildspecError(f"there is no file {name} in the source")
    return path.read_text()


def _variables(given: Any, place: str) -> dict[str, str]:
    variables = _mapping(given, place, None)
    for name in variables:
        if not _NAME.fullmatch(str(name)):
            raise BuildspecError(f"{place}: {name!r} is no name of a variable")
    return {name: _text(value) for name, value in variables.items()}


def _exported(given: Any, parameters: Mapping[str, str]) -> list[str]:
    names = _texts(given, "env.exported-variables")
    for name in names:
        # CodeBuild exports neither credentials nor what may be a secret.
        if not _NAME.fullmatch(name) or name.startswith("AWS_") or name in parameters:
            raise BuildspecError(f"env.exported-variables: {name!r} cannot be exported; rename it, or leave it out")
    return names


def _runtimes(install: Any) -> dict[str, str]:
    given = install.get("runtime-versions", {}) if isinstance(install, dict) else {}
    versions = _mapping(given, "phases.install.runtime-versions", None)
    return {str(name): str(version) for name, version in versions.items()}


def _phase(name: str, given: Any) -> Phase:
    place = f"phases.{name}"
    more = {"runtime-versions"} if name == "install" else set()
    phase = _mapping(given, place, {"commands", "finally", "on-failure", *more})
    if "on-failure" in phase:
        _one_of(phase["on-failure"], f"{place}.on-failure", _ON_FAILURE)
    commands, last = (_texts(phase.get(part, []), f"{place}.{part}") for part in ("commands", "finally"))
    if not commands and "runtime-versions" not in phase:
        raise BuildspecError(f"{place}.commands: there is none")
    return Phase(commands, last, phase.get("on-failure", ""))


def _artifact(given: Any, place: str, more: set[str]) -> Artifact | None:
    artifact = _mapping(given, place, _ARTIFACT | more)
    if _flag(artifact.get("enable-symlinks", False), f"{place}.enable-symlinks"):
        raise BuildspecError(f"{place}.enable-symlinks: yes is not supported by the local AWS; leave it out")
    files = _texts(artifact.get("files", []), f"{place}.files")
    if not files and more and "secondary-artifacts" in artifact:
        return None
    if not files:
        raise BuildspecError(f"{place}.files: there is none")
    return Artifact(
        files=files,
        base_directory=_text(artifact.get("base-directory", "")),
        exclude_paths=_texts(artifact.get("exclude-paths", []), f"{place}.exclude-paths"),
        discard_paths=_flag(artifact.get("discard-paths", False), f"{place}.discard-paths"),
        name=_text(artifact.get("name", "")),
    )


def _secondary(artifacts: Mapping[str, Any]) -> dict[str, Artifact]:
    place = "artifacts.secondary-artifacts"
    given = _mapping(artifacts.get("secondary-artifacts", {}), place, None)
    found = {name: _artifact(value, f"{place}.{name}", set()) for name, value in given.items()}
    return {name: artifact for name, artifact in found.items() if artifact is not None}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _texts(given: Any, place: str) -> list[str]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list):
        raise BuildspecError(f"{place}: expected a list")
    for text in texts:
        if not isinstance(text, str):
            raise BuildspecError(f"{place}: {text!r} is no text: put it in quotes")
    return texts


def _flag(given: Any, place: str) -> bool:
    # YAML 1.2 takes yes and no for texts.
    known = {True: True, False: False, "yes": True, "no": False}
    if given not in known:
        raise BuildspecError(f"{place}: {given!r} is neither yes nor no")
    return known[given]


def _one_of(given: Any, place: str, supported: Sequence[str]) -> None:
    if given not in supported:
        raise BuildspecError(f"{place}: {given!r} is not supported; supported: {', '.join(supported)}")


def _mapping(given: Any, place: str, known: set[str] | None) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise BuildspecError(f"{place}: expected names with values")
    unknown = [name for name in given if known is not None and name not in known]
    if unknown:
        raise BuildspecError(
            f"{place}: {unknown[0]!r} is not supported by the local AWS; supported: {', '.join(sorted(known or ()))}"
        )
    return given
