"""Build projects. Names and defaults follow
https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html.
"""

from __future__ import annotations

from typing import Any

from modelyard.local.codebuild.api import (
    SOURCE,
    InvalidInputException,
    ResourceAlreadyExistsException,
    find_project,
    operation,
    projects,
    refuse,
)
from modelyard.local.sagemaker.context import Context, Record

__all__ = ["arn_of"]

_DEFAULTS = {"timeoutInMinutes": 60, "queuedTimeoutInMinutes": 480, "cache": {"type": "NO_CACHE"}}
_SUPPORTED = [
    ("source.type", SOURCE),
    ("source.auth", ()),
    ("source.gitSubmodulesConfig", ()),
    ("source.sourceIdentifier", ()),
    ("sourceVersion", ()),
    ("secondarySources", ()),
    ("secondarySourceVersions", ()),
    ("artifacts.type", ("NO_ARTIFACTS",)),
    ("secondaryArtifacts", ()),
    ("cache.type", ("NO_CACHE",)),
    ("environment.type", ("LINUX_CONTAINER",)),
    ("environment.environmentVariables[].type", ("PLAINTEXT",)),
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


def _check(project: dict[str, Any]) -> None:
    refuse(project, _SUPPORTED)
    source = project["source"]
    if source["type"] == "S3" and not source.get("location"):
        raise InvalidInputException("Invalid project source: location is required for source type S3")
    if source["type"] == "NO_SOURCE" and not source.get("buildspec"):
        raise InvalidInputException("Invalid input: buildspec is required for projects with no source")
