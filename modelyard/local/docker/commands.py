"""The commands of our ``docker``, with the options of Docker's that builds of images use."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from modelyard.local.docker.store import Built, Store, context_folder, keep_context

__all__ = ["COMMANDS", "DockerError"]

_REGISTRY = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?")
_ARG = re.compile(r"^\s*ARG\s+([A-Za-z_]\w*)", re.MULTILINE | re.IGNORECASE)
# Docker knows these without an ARG: https://docs.docker.com/reference/dockerfile/#predefined-args
_PREDEFINED = re.compile(r"(?:https?|ftp|no|all)_proxy", re.IGNORECASE)
# What only Docker itself has to heed.
_WITHOUT_EFFECT = ("platform", "provenance", "sbom", "output", "progress", "cache-from", "cache-to")


class DockerError(Exception):
    """What went wrong, as Docker would say it."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; other options are not supported by the local AWS\n")


def login(arguments: Sequence[str], store: Store) -> None:
    """Accept any password: the local ECR knows a pusher by its AWS credentials."""
    parser = _Parser(prog="docker login", allow_abbrev=False)
    parser.add_argument("-u", "--username", required=True)
    parser.add_argument("--password-stdin", action="store_true", required=True)
    parser.add_argument("server")
    parser.parse_args(arguments)
    if not sys.stdin.read().strip():
        raise DockerError("password is empty")
    print("Login Succeeded")


def build(arguments: Sequence[str], store: Store) -> None:
    """Keep the context, and make the environment of its ``requirements.txt``."""
    from modelyard.local.sagemaker.jobs.environments import InstallError, prepare_environment

    parser = _Parser(prog="docker build", allow_abbrev=False)
    parser.add_argument("-t", "--tag", action="append", default=[])
    parser.add_argument("-f", "--file", type=Path)
    parser.add_argument("--build-arg", action="append", default=[])
    for flag in ("--no-cache", "--pull", "--load"):
        parser.add_argument(flag, action="store_true")
    for option in _WITHOUT_EFFECT:
        parser.add_argument(f"--{option}", action="append")
    parser.add_argument("context", type=Path)
    given = parser.parse_args(arguments)
    dockerfile = given.file or given.context / "Dockerfile"
    if not given.context.is_dir():
        raise DockerError(f"path {given.context} not found")
    if not dockerfile.is_file():
        raise DockerError(f"failed to read dockerfile: open {dockerfile}: no such file or directory")
    image = Built(keep_context(store.state_dir, given.context), _build_args(given.build_arg, dockerfile))
    try:
        prepare_environment(context_folder(store.state_dir, image.context), _say)
    except InstallError as error:
        raise DockerError(f"requirements.txt cannot be installed: {error}") from None
    for tag in given.tag:
        store.tag(tag, image)
        _say(f"naming to {tag}")


def tag(arguments: Sequence[str], store: Store) -> None:
    """Give an image another name."""
    parser = _Parser(prog="docker tag", allow_abbrev=False)
    parser.add_argument("source")
    parser.add_argument("target")
    given = parser.parse_args(arguments)
    store.tag(given.target, _find(store, given.source))


def push(arguments: Sequence[str], store: Store) -> None:
    """Put the image's manifest into the local ECR."""
    parser = _Parser(prog="docker push", allow_abbrev=False)
    parser.add_argument("-q", "--quiet", action="store_true")
    parser.add_argument("image")
    given = parser.parse_args(arguments)
    image = _find(store, given.image)
    host, _, path = given.image.partition("/")
    name, _, label = path.partition(":")
    registry = _REGISTRY.fullmatch(host)
    if registry is None:
        raise DockerError(f"{host} is no registry of ECR, and the local AWS has no other")
    import boto3
    from botocore.exceptions import ClientError

    client = boto3.client("ecr", region_name=registry["region"])
    try:
        digest = _put(client, repositoryName=name, imageTag=label or "latest", imageManifest=image.manifest())
    except ClientError as error:
        raise DockerError(f"{given.image} cannot be pushed: {error.response['Error']['Message']}") from None
    _say(f"{label or 'latest'}: digest: {digest}")


def _put(client: Any, **image: str) -> str:
    return str(client.put_image(**image)["image"]["imageId"]["imageDigest"])


def _find(store: Store, name: str) -> Built:
    image = store.find(name)
    if image is None:
        raise DockerError(f"An image does not exist locally with the tag: {name}")
    return image


def _build_args(given: Sequence[str], dockerfile: Path) -> dict[str, str]:
    build_args = {}
    for item in given:
        name, equals, value = item.partition("=")
        # Without a value it is the variable of that name, and nothing where there is none.
        if equals or name in os.environ:
            build_args[name] = value if equals else os.environ[name]
    declared = set(_ARG.findall(dockerfile.read_text()))
    unused = [name for name in build_args if name not in declared and not _PREDEFINED.fullmatch(name)]
    if unused:
        _say(f"[Warning] One or more build-args [{' '.join(unused)}] were not consumed")
    return build_args


def _say(line: str) -> None:
    print(line, flush=True)


COMMANDS: dict[str, Callable[[Sequence[str], Store], None]] = {"login": login, "build": build, "tag": tag, "push": push}
