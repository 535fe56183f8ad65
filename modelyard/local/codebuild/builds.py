"""Builds as records: started, looked at, listed, stopped. See
https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html.
"""

from __future__ import annotations

import copy
import uuid
from typing import Any
from urllib.parse import quote

from modelyard.local.codebuild.api import (
    InvalidInputException,
    ResourceNotFoundException,
    builds,
    find_project,
    operation,
    refuse,
)
from modelyard.local.codebuild.projects import CACHE_MODES, arn_of, check_places
from modelyard.local.sagemaker.context import Context, Record

__all__ = ["IN_PROGRESS"]

IN_PROGRESS = "IN_PROGRESS"
_PAGE_SIZE = 100
_TOKEN_SECONDS = 300.0
# Where an override goes in the build's record.
_OVERRIDES = {
    "sourceTypeOverride": ("source", "type"),
    "sourceLocationOverride": ("source", "location"),
    "buildspecOverride": ("source", "buildspec"),
    "environmentTypeOverride": ("environment", "type"),
    "imageOverride": ("environment", "image"),
    "computeTypeOverride": ("environment", "computeType"),
    "privilegedModeOverride": ("environment", "privilegedMode"),
    "imagePullCredentialsTypeOverride": ("environment", "imagePullCredentialsType"),
    "serviceRoleOverride": ("serviceRole",),
    "encryptionKeyOverride": ("encryptionKey",),
    "timeoutInMinutesOverride": ("timeoutInMinutes",),
    "queuedTimeoutInMinutesOverride": ("queuedTimeoutInMinutes",),
    "secondarySourcesOverride": ("secondarySources",),
    "artifactsOverride": ("_artifacts",),
    "secondaryArtifactsOverride": ("_secondaryArtifacts",),
    "cacheOverride": ("cache",),
}
_TAKEN = {*_OVERRIDES, "projectName", "environmentVariablesOverride", "idempotencyToken"}
_SUPPORTED = [
    ("sourceTypeOverride", ("S3", "NO_SOURCE")),
    ("secondarySourcesOverride[].type", ("S3",)),
    ("artifactsOverride.type", ("S3", "NO_ARTIFACTS")),
    ("artifactsOverride.bucketOwnerAccess", ()),
    ("secondaryArtifactsOverride[].type", ("S3",)),
    ("secondaryArtifactsOverride[].bucketOwnerAccess", ()),
    ("cacheOverride.type", ("NO_CACHE", "LOCAL")),
    ("cacheOverride.modes[]", CACHE_MODES),
    ("environmentTypeOverride", ("LINUX_CONTAINER",)),
    ("environmentVariablesOverride[].type", ("PLAINTEXT", "PARAMETER_STORE")),
]
_COPIED = (
    *("environment", "serviceRole", "source", "secondarySources", "encryptionKey", "cache"),
    *("timeoutInMinutes", "queuedTimeoutInMinutes"),
)


@operation("StartBuild")
def start_build(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    refuse(request, [*_SUPPORTED, *((name, ()) for name in request if name not in _TAKEN)])
    project = find_project(context, request["projectName"])
    again = _started_before(context, request)
    if again is not None:
        return {"build": again}
    record = _record(context, project, request)
    _check(record)
    builds(context)[record["id"]] = record
    context.component("codebuild").start(context, record)
    return {"build": record}


@operation("BatchGetBuilds")
def batch_get_builds(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    known = {id: builds(context).get(id.rpartition("build/")[2]) for id in request["ids"]}
    return {
        "builds": [record for record in known.values() if record is not None],
        "buildsNotFound": [id for id, record in known.items() if record is None],
    }


@operation("ListBuildsForProject")
def list_builds_for_project(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = find_project(context, request["projectName"])["name"]
    ids = [id for id, record in builds(context).items() if record["projectName"] == name]
    if request.get("sortOrder", "DESCENDING") == "DESCENDING":
        ids.reverse()
    start = int(request.get("nextToken") or 0)
    more = {"nextToken": str(start + _PAGE_SIZE)} if start + _PAGE_SIZE < len(ids) else {}
    return {"ids": ids[start : start + _PAGE_SIZE], **more}


@operation("StopBuild")
def stop_build(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    record = builds(context).get(request["id"].rpartition("build/")[2])
    if record is None:
        raise ResourceNotFoundException(f"Build cannot be found: {request['id']}")
    if record["buildStatus"] == IN_PROGRESS:
        context.component("codebuild").stop(record["id"])
    return {"build": record}


def _check(record: Record) -> None:
    # What a pipeline gives is not there without one.
    if record["source"]["type"] == "CODEPIPELINE":
        raise InvalidInputException("sourceTypeOverride must be set when using source type CODEPIPELINE")
    if record["_artifacts"]["type"] == "CODEPIPELINE":
        raise InvalidInputException("ArtifactsOverride must be set when using artifacts type CodePipelines")
    if record["source"]["type"] == "S3" and not record["source"].get("location"):
        raise InvalidInputException("Invalid input: sourceLocationOverride is required for source type S3")
    check_places({**record, "artifacts": record["_artifacts"], "secondaryArtifacts": record["_secondaryArtifacts"]})


def _started_before(context: Context, request: dict[str, Any]) -> Record | None:
    """The build that the same request started within the last five minutes."""
    token = request.get("idempotencyToken")
    since = context.now() - _TOKEN_SECONDS
    for record in builds(context).values():
        if token is not None and record["_request"].get("idempotencyToken") == token and record["startTime"] > since:
            if record["_request"] != request:
                raise InvalidInputException("Invalid idempotency token: it was given with other parameters before")
            return record
    return None


def _record(context: Context, project: Record, request: dict[str, Any]) -> Record:
    build = uuid.uuid4().hex
    build = f"{build[:8]}-{build[8:12]}-{build[12:16]}-{build[16:20]}-{build[20:]}"
    id = f"{project['name']}:{build}"
    now = context.now()
    number = project["_builds"] = project.get("_builds", 0) + 1
    record: Record = {
        "id": id,
        "arn": arn_of(context, f"build/{id}"),
        "buildNumber": number,
        "startTime": now,
        "currentPhase": "QUEUED",
        "buildStatus": IN_PROGRESS,
        "buildComplete": False,
        "projectName": project["name"],
        "initiator": "modelyard-local",
        "phases": [],
        "artifacts": {"location": ""},
        "_artifacts": copy.deepcopy(project["artifacts"]),
        "_secondaryArtifacts": copy.deepcopy(project.get("secondaryArtifacts", [])),
        "logs": _logs(context, project, build),
        "_request": request,
        **copy.deepcopy({name: project[name] for name in _COPIED if name in project}),
    }
    for name, path in _OVERRIDES.items():
        if name in request:
            *above, last = path
            (record[above[0]] if above else record)[last] = request[name]
    own = {item["name"]: item for item in record["environment"].get("environmentVariables", [])}
    given = {item["name"]: item for item in request.get("environmentVariablesOverride", [])}
    record["environment"]["environmentVariables"] = [
        {"type": "PLAINTEXT", **item} for item in {**own, **given}.values()
    ]
    return record


def _logs(context: Context, project: Record, build: str) -> dict[str, Any]:
    wanted = project.get("logsConfig", {}).get("cloudWatchLogs", {})
    group = wanted.get("groupName") or f"/aws/codebuild/{project['name']}"
    stream = f"{wanted['streamName']}/{build}" if wanted.get("streamName") else build
    console = f"https://console.aws.amazon.com/cloudwatch/home?region={context.region}#logsV2:log-groups/log-group"
    return {
        "groupName": group,
        "streamName": stream,
        "deepLink": f"{console}/{quote(group, safe='')}/log-events/{quote(stream, safe='')}",
        "cloudWatchLogsArn": f"arn:aws:logs:{context.region}:{context.account}:log-group:{group}:log-stream:{stream}",
        "cloudWatchLogs": {"status": "ENABLED", **wanted},
    }
