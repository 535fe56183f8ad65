"""Build projects. Names and defaults follow
https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from modelyard.local.codebuild.api import (
    ARTIFACTS,
    SOURCE,
    InvalidInputException,
    ResourceAlreadyExistsException,
    find_project,
    operation,
    projects,
    refuse,
)
from modelyard.local.sagemaker.context import Context, Record

__all__ = ["arn_of", "check_places"]

_DEFAULTS = {"timeoutInMinutes": 60, "queuedTimeoutInMinutes": 480, "cache": {"type": "NO_CACHE"}}
CACHE_MODES = ("LOCAL_CUSTOM_CACHE", "LOCAL_SOURCE_CACHE", "LOCAL_DOCKER_LAYER_CACHE")
"""Docker's layers and sources are at hand here anyway: the first alone does something."""
_SUPPORTED = [
    ("source.type", SOURCE),
    ("source.auth", ()),
    ("source.gitSubmodulesConfig", ()),
    ("source.sourceIdentifier", ()),
    ("sourceVersion", ()),
    ("secondarySources[].type", ("S3",)),
    ("secondarySourceVersions", ()),
    ("artifacts.type", ARTIFACTS),
    ("artifacts.bucketOwnerAccess", ()),
    ("secondaryArtifacts[].type", ("S3",)),
    ("secondaryArtifacts[].bucketOwnerAccess", ()),
    ("cache.type", ("NO_CACHE", "LOCAL")),
    ("cache.modes[]", CACHE_MODES),
    ("environment.type", ("LINUX_CONTAINER",)),
    ("environment.environmentVariables[].type", ("PLAINTEXT", "PARAMETER_STORE")),
    ("environment.computeConfiguration", ()),
    ("environment.fleet", ()),
    ("environment.certificate", ()),
    ("environment.registryCredential", ()),
    ("environment.dockerServer", ()),
    ("environment.hostKernel", ()),
    ("logsConfig.cloudWatchLogs.status", ("ENABLED",)),
    ("logsConfig.s3Logs.status", ("DISABLED",)),
    ("vpcConfig", ()),
    ("badgeEnabled", (False,)),
    ("fileSystemLocations", ()),
    ("buildBatchConfig", ()),
    ("concurrentBuildLimit", ()),
    ("autoRetryLimit", (0,)),
]


def arn_of(context: Context, resource: str) -> str:
    """The ARN of ``project/NAME`` or ``build/ID``."""
    return f"arn:aws:codebuild:{context.region}:{context.account}:{resource}"


@operation("CreateProject")
def create_project(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["name"]
    if name in projects(context):
        raise ResourceAlreadyExistsException(f"Project already exists: {arn_of(context, f'project/{name}')}")
    _check(request)
    now = context.now()
    alias = f"arn:aws:kms:{context.region}:{context.account}:alias/aws/s3"
    record = {"arn": arn_of(context, f"project/{name}"), "encryptionKey": alias, "tags": [], **_DEFAULTS, **request}
    projects(context)[name] = {**record, "created": now, "lastModified": now, "badge": {"badgeEnabled": False}}
    context.snapshot()
    return {"project": projects(context)[name]}


@operation("UpdateProject")
def update_project(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    project = find_project(context, request["name"])
    _check({**project, **request})
    project.update(request, lastModified=context.now())
    context.snapshot()
    return {"project": project}


@operation("DeleteProject")
def delete_project(context: Context, request: dict[str, Any]) -> None:
    # As on AWS: a project that is not there counts as deleted, and builds are kept.
    projects(context).pop(request["name"].rpartition("/")[2], None)
    context.snapshot()


@operation("BatchGetProjects")
def batch_get_projects(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    known: dict[str, Record | None] = {
        name: projects(context).get(name.rpartition("/")[2]) for name in request["names"]
    }
    return {
        "projects": [project for project in known.values() if project is not None],
        "projectsNotFound": [name for name, project in known.items() if project is None],
    }


@operation("ListProjects")
def list_projects(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    refuse(request, [("nextToken", ())])
    names = sorted(projects(context), key=lambda name: _order(projects(context)[name], request.get("sortBy", "NAME")))
    return {"projects": names[::-1] if request.get("sortOrder") == "DESCENDING" else names}


def _order(project: Record, by: str) -> Any:
    return project[{"NAME": "name", "CREATED_TIME": "created", "LAST_MODIFIED_TIME": "lastModified"}[by]]


def check_places(record: dict[str, Any]) -> None:
    """Raise for sources and artifacts of a project or a build that lack what their type needs."""
    source = record["source"]
    if source["type"] == "S3" and not source.get("location"):
        raise InvalidInputException("Invalid project source: location is required for source type S3")
    if source["type"] == "NO_SOURCE" and not source.get("buildspec"):
        raise InvalidInputException("Invalid input: buildspec is required for projects with no source")
    for artifacts in (record["artifacts"], *record.get("secondaryArtifacts", ())):
        if artifacts["type"] == "S3" and not artifacts.get("location"):
            raise InvalidInputException("Invalid artifacts: location is required for artifact type S3")
    _check_identifiers(record.get("secondarySources", ()), "sourceIdentifier")
    _check_identifiers(record.get("secondaryArtifacts", ()), "artifactIdentifier")


def _check_identifiers(given: Sequence[dict[str, Any]], member: str) -> None:
    for item in given:
        # It becomes part of a variable's name.
        if not re.fullmatch(r"[A-Za-z0-9_]{1,128}", item.get(member, "")):
            raise InvalidInputException(
                f"Invalid input: {member} {item.get(member, '')!r} must be letters, digits and underscores"
            )
    if len({item[member] for item in given}) < len(given):
        raise InvalidInputException(f"Invalid input: {member} must be unique")


def _check(project: dict[str, Any]) -> None:
    refuse(project, _SUPPORTED)
    types = project["source"]["type"], project["artifacts"]["type"]
    if types.count("CODEPIPELINE") == 1:
        raise InvalidInputException(
            "Invalid input: when using CodePipeline both sourceType, and artifactType must be set to: CODEPIPELINE"
        )
    check_places(project)
