"""Looks whether sources changed, for source actions with ``PollForSourceChanges``, which is the default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelyard.local.codepipeline.actions.s3 import current_version
from modelyard.local.codepipeline.api import actions, executions_of, pipelines
from modelyard.local.sagemaker.context import Context, Record, SageMaker

if TYPE_CHECKING:
    from modelyard.local.codepipeline.engine import Engine

__all__ = ["poll"]


def poll(service: SageMaker, engine: Engine) -> None:
    """Start each pipeline one of whose polled sources has another version than those it has run with."""
    with service.lock:
        polled = [
            (context, pipeline["_declaration"]["name"], action)
            for context in service.contexts()
            for pipeline in pipelines(context).values()
            for action in pipeline["_declaration"]["stages"][0]["actions"]
            if action["configuration"].get("PollForSourceChanges", "true") == "true"
        ]
    for context, name, action in polled:
        configuration = action["configuration"]
        version = current_version(context.client("s3"), configuration["S3Bucket"], configuration["S3ObjectKey"])
        if version is None:
            continue
        with service.lock:
            pipeline = pipelines(context).get(name)
            if pipeline is not None and not _has_run_with(context, pipeline, action["name"], version):
                pipeline.setdefault("_polled", {})[action["name"]] = version
                engine.start(
                    context, pipeline, {"triggerType": "PollForSourceChanges", "triggerDetail": action["name"]}
                )


def _has_run_with(context: Context, pipeline: Record, action: str, version: str) -> bool:
    if pipeline.get("_polled", {}).get(action) == version:
        return True
    name = pipeline["_declaration"]["name"]
    for execution in executions_of(context, name):
        stage = execution["_declaration"]["stages"][0]["name"]
        id = execution["_stages"].get(stage, {}).get("actions", {}).get(action)
        # One that waits or reads its source right now will have this version.
        if id is None or actions(context)[id]["status"] == "InProgress":
            if execution["status"] == "InProgress":
                return True
        elif any(
            item["actionName"] == action and item["revisionId"] == version for item in execution["sourceRevisions"]
        ):
            return True
    return False
