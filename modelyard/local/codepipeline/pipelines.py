"""Pipelines: created, updated, deleted, shown. See
https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_CreatePipeline.html.
"""

from __future__ import annotations

import copy
from typing import Any

from modelyard.local.codepipeline.api import (
    actions,
    arn_of,
    executions,
    executions_of,
    find_pipeline,
    jobs,
    operation,
    page,
    pipelines,
)
from modelyard.local.codepipeline.declaration import check, normalised
from modelyard.local.codepipeline.errors import PipelineNameInUseException, PipelineVersionNotFoundException
from modelyard.local.codepipeline.tags import set_tags, tag_list
from modelyard.local.sagemaker.context import Context, Record

__all__: list[str] = []


@operation("CreatePipeline")
def create_pipeline(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    declaration = request["pipeline"]
    name = declaration["name"]
    if name in pipelines(context):
        raise PipelineNameInUseException(f"A pipeline with the name '{name}' already exists in account")
    check(context.region, declaration)
    now = context.now()
    kept = {**normalised(copy.deepcopy(declaration)), "version": 1}
    pipeline: Record = {
        "created": now,
        "updated": now,
        "_declaration": kept,
        "_versions": [kept],
        "_tags": {},
        "_transitions": {},
    }
    set_tags(pipeline, request.get("tags", []))
    pipelines(context)[name] = pipeline
    # As on AWS a new pipeline runs at once, where its variables have values.
    if all("defaultValue" in item for item in kept.get("variables", [])):
        context.component("codepipeline").start(context, pipeline, {"triggerType": "CreatePipeline"})
    context.snapshot()
    return {"pipeline": kept, "tags": tag_list(pipeline)}


@operation("UpdatePipeline")
def update_pipeline(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    declaration = request["pipeline"]
    pipeline = find_pipeline(context, declaration["name"])
    check(context.region, declaration)
    version = pipeline["_declaration"]["version"] + 1
    # What runs goes on with the declaration that it started with, so that one stays as it is.
    kept = {**normalised(copy.deepcopy(declaration)), "version": version}
    pipeline.update(_declaration=kept, updated=context.now())
    pipeline["_versions"].append(kept)
    context.snapshot()
    return {"pipeline": kept}


@operation("DeletePipeline")
def delete_pipeline(context: Context, request: dict[str, Any]) -> None:
    # As on AWS: a pipeline that is not there counts as deleted.
    name = request["name"]
    pipelines(context).pop(name, None)
    gone = {record["pipelineExecutionId"] for record in executions_of(context, name)}
    for id in gone:
        del executions(context)[id]
    runs = [id for id, record in actions(context).items() if record["pipelineExecutionId"] in gone]
    for id in runs:
        # Its thread, if it has one, ends when it sees this.
        actions(context).pop(id)["status"] = "Abandoned"
    for id in [id for id, job in jobs(context).items() if job["_action"] in runs]:
        del jobs(context)[id]
    context.snapshot()


@operation("GetPipeline")
def get_pipeline(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    pipeline = find_pipeline(context, request["name"])
    versions, wanted = pipeline["_versions"], request.get("version")
    if wanted is not None and wanted > len(versions):
        raise PipelineVersionNotFoundException(f"The pipeline '{request['name']}' has no version {wanted}")
    metadata = {
        "pipelineArn": arn_of(context, request["name"]),
        "created": pipeline["created"],
        "updated": pipeline["updated"],
    }
    return {"pipeline": versions[(wanted or len(versions)) - 1], "metadata": metadata}


@operation("ListPipelines")
def list_pipelines(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    shown = ("name", "version", "pipelineType", "executionMode")
    found = [
        {
            **{member: pipeline["_declaration"][member] for member in shown},
            "created": pipeline["created"],
            "updated": pipeline["updated"],
        }
        for _, pipeline in sorted(pipelines(context).items())
    ]
    return page(request, found, "pipelines", 1000)
