"""The environment of a build's commands."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from modelyard.local.sagemaker.context import Context, Record

__all__ = ["SESSION", "environment_of", "write_docker"]

SESSION = "AWSCodeBuild"
"""The name of the sessions in which builds have their role."""


def environment_of(
    context: Context,
    record: Record,
    own: Mapping[str, str],
    given: Mapping[str, str],
    folders: Mapping[str, Path],
    host: Mapping[str, str],
) -> dict[str, str]:
    """The variables that CodeBuild gives a build, those of its project and its start, and the buildspec's ``own``.

    Of equal names the first counts, see
    https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html.

    Args:
        own: The buildspec's.
        given: The values of the project's and the start's.
        folders: The folders of the sources by their variables, and ``HOME``.
        host: What the machine gives, ``PATH`` among it.
    """
    emulator = context.service.emulator
    return {
        **host,
        "TMPDIR": str(folders["HOME"] / "tmp"),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        **own,
        **given,
        "AWS_REGION": context.region,
        "AWS_DEFAULT_REGION": context.region,
        "AWS_ENDPOINT_URL": emulator.endpoint_url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        "NO_PROXY": os.environ.get("NO_PROXY", ""),
        **emulator.session_credentials(record["serviceRole"], SESSION),
        "CI": "true",
        "CODEBUILD_BUILD_ARN": record["arn"],
        "CODEBUILD_BUILD_ID": record["id"],
        "CODEBUILD_BUILD_IMAGE": record["environment"]["image"],
        "CODEBUILD_BUILD_NUMBER": str(record["buildNumber"]),
        "CODEBUILD_BUILD_SUCCEEDING": "1",
        "CODEBUILD_INITIATOR": record["initiator"],
        "CODEBUILD_KMS_KEY_ID": record["encryptionKey"],
        "CODEBUILD_LOG_PATH": record["logs"]["streamName"],
        "CODEBUILD_SOURCE_REPO_URL": record["source"].get("location", ""),
        "CODEBUILD_START_TIME": str(int(record["startTime"] * 1000)),
        **{name: str(folder) for name, folder in folders.items()},
    }


def write_docker(folder: Path, state_dir: Path) -> Path:
    """Make the folder of a build's own programs, with its ``docker``; what the build makes is kept in ``folder``.

    The program has the environment of the server, as Docker's daemon has one of its own: caches, indexes and proxies.
    """
    programs = folder / "bin"
    programs.mkdir(parents=True)
    # Variables of the build that the daemon does not share.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_") and name != "TMPDIR"}
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parents[3]), kept.get("PYTHONPATH", "")]))
    exports = [f"export {name}={shlex.quote(value)}" for name, value in sorted(kept.items())]
    command = [sys.executable, "-m", "modelyard.local.docker", str(state_dir), str(folder / "images.json")]
    program = programs / "docker"
    program.write_text("\n".join(["#!/bin/sh", *exports, f'exec {shlex.join(command)} "$@"', ""]))
    program.chmod(0o755)
    return programs
