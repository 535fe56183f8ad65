"""Variants of an image: one folder, built with other arguments.

An image's folder may hold `variants.json`, an object of variants, each with the build arguments of its
own: `{"cpu": {"BASE_IMAGE": "…"}, "gpu": {"BASE_IMAGE": "…"}}`. A folder without the file is one image, built with the
defaults of its Dockerfile.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelyard.settings import ConfigurationError

FILE = "variants.json"
"""Says which images a folder makes; no part of any of them."""

ACCELERATED = "gpu"
"""The variant that projects with accelerators run, where there is one."""

_VARIANT = re.compile(r"[a-z][a-z0-9]*")
_ARGUMENT = re.compile(r"[A-Z][A-Z0-9_]*")
# The build's own variables, and those that would change how it runs.
_TAKEN = re.compile(r"IMAGE|BUILD_ARGUMENTS|PATH|HOME|SHELL|(AWS|CODEBUILD|DOCKER|BUILDX|BUILDKIT|LD)_.*")


@dataclass(frozen=True)
class Variant:
    """One image of a folder: the variant's name, empty where the folder has none, and its build arguments."""

    name: str
    build_args: Mapping[str, str]


def variant_of(folder: Path, *, accelerated: bool) -> Variant:
    """The image of `folder` that a project runs: `gpu` for one with accelerators, else the first of `variants.json`.

    Raises:
        ConfigurationError: `variants.json` is wrong.
    """
    variants = variants_of(folder)
    return next((variant for variant in variants if accelerated and variant.name == ACCELERATED), variants[0])


def variants_of(folder: Path) -> tuple[Variant, ...]:
    """The images of `folder`, the default first.

    Raises:
        ConfigurationError: `variants.json` is wrong.
    """
    return tuple(Variant(name, build_args) for name, build_args in _read(folder / FILE).items())


def check_build_args(place: str, build_args: Mapping[str, str]) -> None:
    """Raise ConfigurationError, beginning with `place`, for an argument that a build cannot be given."""
    for name, value in build_args.items():
        if not isinstance(value, str) or not value:
            raise ConfigurationError(f"{place}.{name}: received {json.dumps(value)}; allowed: text in quotes")
        if not _ARGUMENT.fullmatch(name) or _TAKEN.fullmatch(name):
            raise ConfigurationError(
                f"{place}: received the build argument {name}; allowed: capitals, digits and _, a letter first, and no "
                "name that the build uses itself"
            )


def _read(path: Path) -> dict[str, Mapping[str, str]]:
    if not path.is_file():
        return {"": {}}
    try:
        variants: Any = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{path}, line {error.lineno}: {error.msg}; write a JSON object") from None
    if not isinstance(variants, dict) or not variants:
        raise ConfigurationError(f"{path}: received no variant; allowed: an object of variants, the default first")
    for name, build_args in variants.items():
        if not _VARIANT.fullmatch(name):
            raise ConfigurationError(
                f"{path}: received the variant {name!r}; allowed: lower-case letters and digits, a letter first"
            )
        if not isinstance(build_args, dict):
            received = json.dumps(build_args)
            raise ConfigurationError(f"{path}: {name}: received {received}; allowed: an object of build arguments")
        check_build_args(f"{path}: {name}", build_args)
    return variants
