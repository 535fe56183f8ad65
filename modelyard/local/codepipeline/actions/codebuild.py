"""Build and test actions of CodeBuild, see
https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html.

The starter of a build hands it its inputs as ZIP files in the artifact bucket, and says where its outputs are to be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from modelyard.local.codepipeline.action import Action, ActionFailed, ActionType, Configuration, Outcome
from modelyard.local.codepipeline.variables import has_variables

__all__ = ["CODEBUILD"]

_IDENTIFIER = re.compile(r"[A-Za-z0-9_]+")
_TYPES = ("PLAINTEXT", "PARAMETER_STORE", "SECRETS_MANAGER")


def run(action: Action) -> Outcome:
    codebuild = action.client("codebuild")
    build = codebuild.start_build(**_request(action))["build"]
    action.report(
        externalExecutionId=build["id"],
        externalExecutionUrl=(build.get("logs") or {}).get("deepLink"),
    )
    while not build.get("buildComplete"):
        action.pause()
        (build,) = codebuild.batch_get_builds(ids=[build["id"]])["builds"]
    action.report(externalExecutionUrl=(build.get("logs") or {}).get("deepLink"))
    if build["buildStatus"] != "SUCCEEDED":
        raise ActionFailed("JobFailed", _failure(build))
    exported = build.get("exportedEnvironmentVariables") or []
    return Outcome(variables={item["name"]: item.get("value", "") for item in exported})


def _request(action: Action) -> dict[str, Any]:
    primary = action.configuration.get("PrimarySource") or action.inputs[0]["name"]
    places = {item["name"]: f"{item['s3location']['bucket']}/{item['s3location']['key']}" for item in action.inputs}
    secondary = [
        {"type": "S3", "location": place, "sourceIdentifier": name} for name, place in places.items() if name != primary
    ]
    outputs = [_artifacts(item) for item in action.outputs]
    request = {
        "projectName": action.configuration["ProjectName"],
        "sourceTypeOverride": "S3",
        "sourceLocationOverride": places[primary],
        "artifactsOverride": {"type": "NO_ARTIFACTS"},
        "idempotencyToken": action.record["actionExecutionId"],
    }
    if secondary:
        request["secondarySourcesOverride"] = secondary
    # As on AWS: one output is the build's artifact, of several each is one of its secondary artifacts.
    if len(outputs) == 1:
        request["artifactsOverride"] = outputs[0]
    elif outputs:
        named = zip(outputs, action.outputs, strict=True)
        request["secondaryArtifactsOverride"] = [{**item, "artifactIdentifier": to["name"]} for item, to in named]
    if action.key:
        request["encryptionKeyOverride"] = action.key
    variables = action.configuration.get("EnvironmentVariables")
    if variables:
        request["environmentVariablesOverride"] = [{"type": "PLAINTEXT", **item} for item in json.loads(variables)]
    return request


def _artifacts(output: dict[str, Any]) -> dict[str, Any]:
    path, _, name = output["s3location"]["key"].rpartition("/")
    return {
        "type": "S3",
        "location": output["s3location"]["bucket"],
        "path": path,
        "name": name,
        "namespaceType": "NONE",
        "packaging": "ZIP",
    }


def _failure(build: dict[str, Any]) -> str:
    """Why a build failed: its state, and of the phase that failed first all that is known."""
    told = f"Build terminated with state: {build['buildStatus']}"
    for phase in build.get("phases", ()):
        if phase.get("phaseStatus", "SUCCEEDED") == "SUCCEEDED":
            continue
        reasons = [
            f", Code: {reason.get('statusCode', '')}, Message: {reason['message']}"
            for reason in phase.get("contexts") or ()
            if reason.get("message")
        ]
        return f"{told}. Phase: {phase['phaseType']}{''.join(reasons)}"
    return told


def check(configuration: Configuration, inputs: list[str]) -> Iterator[str]:
    primary = configuration.get("PrimarySource")
    if len(inputs) > 1 and primary is None:
        yield f"PrimarySource: required with several input artifacts; write one of {', '.join(inputs)}"
    if primary is not None and primary not in inputs:
        yield f"PrimarySource: '{primary}' is no input artifact of the action; write one of {', '.join(inputs)}"
    for name in inputs:
        if len(inputs) > 1 and name != primary and not _IDENTIFIER.fullmatch(name):
            yield f"PrimarySource: the other input artifact '{name}' must be named with letters, digits and _ alone"
    text = configuration.get("EnvironmentVariables")
    if text is not None:
        yield from (f"EnvironmentVariables: {problem}" for problem in _variable_problems(text))


def _variable_problems(text: str) -> Iterator[str]:
    try:
        items = json.loads(text)
    except ValueError as error:
        # A reference outside of a string is JSON only once it has its value.
        if not has_variables(text):
            yield f"it is no JSON: {error}"
        return
    if not isinstance(items, list):
        yield "write a JSON list of objects with name, value and type"
        return
    for item in items:
        if not isinstance(item, dict) or not {"name", "value"} <= set(item) <= {"name", "value", "type"}:
            yield f"{json.dumps(item)}: write an object with name, value and type"
        elif item.get("type", "PLAINTEXT") not in _TYPES:
            yield f"the type of {item['name']} is '{item['type']}'; write one of {', '.join(_TYPES)}"


CODEBUILD = ActionType(
    categories=("Build", "Test"),
    provider="CodeBuild",
    keys={
        "ProjectName": (),
        "PrimarySource": (),
        "EnvironmentVariables": (),
        "BatchEnabled": ("false",),
        "CombineArtifacts": ("false",),
    },
    required=("ProjectName",),
    inputs=(1, 5),
    outputs=(0, 5),
    run=run,
    check=check,
)
