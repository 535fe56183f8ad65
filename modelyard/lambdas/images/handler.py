"""A custom resource: an image in ECR, built by CodeBuild when it is not there.

Properties: `RepositoryUri`, `Tag`, `Source` (bucket/key of the zipped folder), `BuildArguments` (values by name). The
resource's attributes are `ImageUri`, which names the image by its digest, and `Digest`. Images belong to their
repository: deleting the resource deletes none.
"""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from typing import Any

import boto3

PATIENCE = 8.0  # seconds; a build that is over sooner is not waited for until the next call
LOOK_EVERY = 0.5  # seconds
LOG_LINES = 20
MAX_LOG_LENGTH = 1500  # characters; CloudFormation takes an answer of 4 KB
_BUILD = "BuildId"


@dataclass(frozen=True)
class Image:
    """What is to be in ECR."""

    repository_uri: str
    tag: str
    source: str
    build_arguments: dict[str, str]

    @staticmethod
    def of(properties: dict[str, Any]) -> Image:
        """The image that a resource's properties describe."""
        arguments = properties.get("BuildArguments", {})
        return Image(properties["RepositoryUri"], properties["Tag"], properties["Source"], arguments)

    @property
    def uri(self) -> str:
        """Its URI by tag."""
        return f"{self.repository_uri}:{self.tag}"

    @property
    def repository(self) -> str:
        """The name of its repository."""
        return self.repository_uri.partition("/")[2]

    @property
    def variables(self) -> dict[str, str]:
        """The variables of its build."""
        names = " ".join(f"--build-arg {name}" for name in self.build_arguments)
        return {"IMAGE": self.uri, **({"BUILD_ARGUMENTS": names} if names else {}), **self.build_arguments}


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Have the image; with the `Data` that it answered first, say whether it is there. See `answering`.

    Raises:
        RuntimeError: the build failed; names it, its phase and the end of its log. Or there is no repository.
    """
    if event["RequestType"] == "Delete":
        return {"IsComplete": True}
    image = Image.of(event["ResourceProperties"])
    build = event.get("Data", {}).get(_BUILD)
    if build is None:
        started = "" if _digest(image) else _start(image, event["RequestId"])
        return {"PhysicalResourceId": image.uri, "Data": {_BUILD: started}}
    return _await(image, build)


def _await(image: Image, build_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while True:
        # In this order: what a build pushes is there before the build is over.
        build = _describe(build_id) if build_id else None
        digest = _digest(image)
        if digest:
            return {"IsComplete": True, "Data": {"ImageUri": f"{image.repository_uri}@{digest}", "Digest": digest}}
        if build is None or build["buildStatus"] != "IN_PROGRESS":
            raise RuntimeError(_reason(image, build))
        if time.monotonic() > deadline:
            return {"IsComplete": False}
        time.sleep(LOOK_EVERY)


def _digest(image: Image) -> str | None:
    ecr, wanted = boto3.client("ecr"), [{"imageTag": image.tag}]
    try:
        found = ecr.batch_get_image(repositoryName=image.repository, imageIds=wanted)["images"]
    except ecr.exceptions.RepositoryNotFoundException:
        # A stage that adopts makes none, and an image may be newer than what the stage left.
        remedy = f"aws ecr create-repository --repository-name {image.repository} --image-tag-mutability IMMUTABLE"
        raise RuntimeError(
            f"image {image.uri}: there is no repository {image.repository} to adopt; make it and deploy again: {remedy}"
        ) from None
    return str(found[0]["imageId"]["imageDigest"]) if found else None


def _start(image: Image, request_id: str) -> str:
    """The id of the image's build: of the one that runs, as two would push the same tag, or of a new one."""
    codebuild, project = boto3.client("codebuild"), os.environ["PROJECT"]
    latest = codebuild.list_builds_for_project(projectName=project, sortOrder="DESCENDING")["ids"]
    builds = codebuild.batch_get_builds(ids=latest)["builds"] if latest else []
    for build in builds:
        if build["buildStatus"] == "IN_PROGRESS" and _variables(build).get("IMAGE") == image.uri:
            return str(build["id"])
    started = codebuild.start_build(
        projectName=project,
        sourceTypeOverride="S3",
        sourceLocationOverride=image.source,
        environmentVariablesOverride=[{"name": name, "value": value} for name, value in image.variables.items()],
        # Lambda may deliver an event twice.
        idempotencyToken=hashlib.sha256(f"{request_id} {image.uri}".encode()).hexdigest(),
    )
    print(f"{image.uri}: build {started['build']['id']}")
    return str(started["build"]["id"])


def _variables(build: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item["value"] for item in build["environment"].get("environmentVariables", [])}


def _describe(build_id: str) -> dict[str, Any] | None:
    builds = boto3.client("codebuild").batch_get_builds(ids=[build_id])["builds"]
    return builds[0] if builds else None


def _reason(image: Image, build: dict[str, Any] | None) -> str:
    if build is None:
        return f"image {image.uri} is gone, and so is its build; deploy again to build it anew"
    ended = [phase for phase in build.get("phases", []) if phase.get("phaseStatus") not in (None, "SUCCEEDED")]
    if not ended:
        how = f"ended {build['buildStatus']} without pushing the image"
    else:
        contexts = [item.get("message", "") for phase in ended for item in phase.get("contexts", [])]
        why = f": {'; '.join(filter(None, contexts))}" if any(contexts) else ""
        how = f"{build['buildStatus']} in phase {ended[0]['phaseType']}{why}"
    logs = build.get("logs", {})
    return f"image {image.uri}: build {build['id']} {how}\n{_log(logs)}\nwhole log: {logs.get('deepLink', 'none')}"


def _log(logs: dict[str, Any]) -> str:
    """The last lines of a build's log; a log that cannot be read does not hide why the build failed."""
    if "streamName" not in logs:
        return "(no log)"
    client = boto3.client("logs")
    try:
        events = client.get_log_events(
            logGroupName=logs["groupName"], logStreamName=logs["streamName"], limit=LOG_LINES, startFromHead=False
        )["events"]
    except client.exceptions.ClientError as error:
        return f"(no log: {error})"
    return "\n".join(event["message"].rstrip() for event in events)[-MAX_LOG_LENGTH:]
