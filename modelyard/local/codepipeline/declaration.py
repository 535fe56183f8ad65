"""What a pipeline must be like, checked when it is created or updated.

CodePipeline's own rules are those of
https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-pipeline-structure.html; what is not supported here
is refused at the same time, so that no execution ends at it.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelyard.local.codepipeline.action import ActionType
from modelyard.local.codepipeline.actions import ACTION_TYPES, type_of
from modelyard.local.codepipeline.errors import (
    InvalidActionDeclarationException,
    InvalidStageDeclarationException,
    InvalidStructureException,
)
from modelyard.local.codepipeline.variables import OWN_NAMESPACES, has_variables, references
from modelyard.local.sagemaker.context import Record

__all__ = ["check", "normalised"]

_STAGE_MEMBERS = ("blockers", "onFailure", "onSuccess", "beforeEntry")
_ACTION_MEMBERS = ("commands", "outputVariables", "environmentVariables")
_OWN_VARIABLES = ("PipelineExecutionId",)


def normalised(pipeline: Record) -> Record:
    """The declaration with the defaults that CodePipeline fills in."""
    stages = [
        {"name": stage["name"], "actions": [_normalised_action(action) for action in stage["actions"]]}
        for stage in pipeline["stages"]
    ]
    return {"pipelineType": "V1", "executionMode": "SUPERSEDED", **pipeline, "stages": stages}


def _normalised_action(action: Record) -> Record:
    lists: Record = {"configuration": {}, "inputArtifacts": [], "outputArtifacts": []}
    return {"runOrder": 1, **lists, **{name: value for name, value in action.items() if value is not None}}


def check(region: str, pipeline: Record) -> None:
    """Raise for a pipeline in ``region`` that is not well-formed, or asks for what is not supported."""
    _check_whole(region, pipeline)
    stages = pipeline["stages"]
    if len(stages) < 2:
        raise InvalidStructureException(f"Pipeline has {len(stages)} stage(s). There must be at least two stages.")
    _require_unique([stage["name"] for stage in stages], "stage", InvalidStructureException)
    for index, stage in enumerate(stages):
        _check_stage(region, pipeline.get("artifactStores", {}), index, stage)
    if not any(action["actionTypeId"]["category"] != "Source" for stage in stages for action in stage["actions"]):
        raise InvalidStructureException("Pipeline must contain an action that is no source.")
    _check_flow(pipeline)


def _check_whole(region: str, pipeline: Record) -> None:
    store, stores = pipeline.get("artifactStore"), pipeline.get("artifactStores")
    if (store is None) == (stores is None):
        raise InvalidStructureException("Pipeline must have either artifactStore or artifactStores, and not both.")
    if stores is not None and region not in stores:
        known = ", ".join(sorted(stores)) or "none"
        raise InvalidStructureException(
            f"artifactStores must have the pipeline's own region, {region}; it has: {known}"
        )
    kind = pipeline.get("pipelineType", "V1")
    if pipeline.get("executionMode") == "PARALLEL":
        raise InvalidStructureException(
            "executionMode 'PARALLEL' is not supported by the local AWS; supported: SUPERSEDED, QUEUED"
        )
    for member in ("variables", "triggers"):
        if pipeline.get(member) and kind != "V2":
            raise InvalidStructureException(f"{member}: a pipeline of type {kind} has none; pipelineType must be V2")
    if pipeline.get("executionMode", "SUPERSEDED") != "SUPERSEDED" and kind != "V2":
        raise InvalidStructureException(
            f"executionMode '{pipeline['executionMode']}': a pipeline of type {kind} has the mode SUPERSEDED; "
            "pipelineType must be V2"
        )
    if pipeline.get("triggers"):
        raise InvalidStructureException(
            "triggers is not supported by the local AWS: they are of sources by CodeStarSourceConnection, which do not "
            "run here; let an EventBridge rule start a pipeline with an S3 source"
        )
    _require_unique([item["name"] for item in pipeline.get("variables", [])], "variable", InvalidStructureException)


def _check_stage(region: str, stores: Record, index: int, stage: Record) -> None:
    place = f"Stage '{stage['name']}'"
    for member in _STAGE_MEMBERS:
        if stage.get(member):
            raise InvalidStageDeclarationException(f"{place}: {member} is not supported by the local AWS; leave it out")
    if not stage["actions"]:
        raise InvalidStageDeclarationException(f"{place} has no action; it must have one at least.")
    _require_unique([a["name"] for a in stage["actions"]], f"{place}: action", InvalidStageDeclarationException)
    for action in stage["actions"]:
        is_source = action["actionTypeId"]["category"] == "Source"
        if is_source != (index == 0):
            rule = "only source actions" if index == 0 else "no source action"
            where = "the first stage" if index == 0 else "a stage after the first"
            raise InvalidStageDeclarationException(
                f"{place}, action '{action['name']}': {where} must contain {rule}, "
                f"and this one's category is {action['actionTypeId']['category']}"
            )
        problem = next(_action_problems(region, stores, action), None)
        if problem is not None:
            raise InvalidActionDeclarationException(f"{place}, action '{action['name']}': {problem}")


def _action_problems(region: str, stores: Record, action: Record) -> Iterator[str]:
    type_ = type_of(action)
    if type_ is None:
        given, names = action["actionTypeId"], ("category", "owner", "provider", "version")
        known = (f"{'|'.join(one.categories)}/AWS/{one.provider}/1" for one in ACTION_TYPES)
        yield (
            f"actionTypeId {'/'.join(given[name] for name in names)} is not supported by the local AWS; "
            f"supported: {', '.join(known)}"
        )
        return
    if action.get("region", region) != region:
        yield from _region_problems(region, stores, type_, action["region"])
    for member in _ACTION_MEMBERS:
        if action.get(member):
            yield f"{member} is not supported by the local AWS; leave it out"
    if action.get("timeoutInMinutes") and not type_.configurable_timeout:
        yield "timeoutInMinutes: only manual approvals have a time-out that can be set; leave it out"
    yield from _configuration_problems(type_, action)
    yield from _artifact_problems(type_, action)


def _region_problems(own: str, stores: Record, type_: ActionType, region: str) -> Iterator[str]:
    if not type_.in_any_region:
        yield (
            f"region '{region}' is not supported by the local AWS for actions of {type_.provider}; supported: the "
            f"pipeline's own region, {own}"
        )
    elif region not in stores:
        yield f"region '{region}': artifactStores must have a store there; it has: {', '.join(stores) or 'none'}"


def _configuration_problems(type_: ActionType, action: Record) -> Iterator[str]:
    configuration = action.get("configuration") or {}
    for name, value in configuration.items():
        if name in type_.refused:
            yield f"configuration {name} is not supported by the local AWS; {type_.refused[name]}"
        elif name not in type_.keys:
            yield f"configuration {name} is not supported by the local AWS; supported: {', '.join(type_.keys)}"
        elif type_.keys[name] and value not in type_.keys[name] and not has_variables(value):
            supported = ", ".join(type_.keys[name])
            yield f"configuration {name} '{value}' is not supported by the local AWS; supported: {supported}"
    missing = [name for name in type_.required if not configuration.get(name)]
    if missing:
        yield f"configuration {missing[0]} is required"
        return
    inputs = [item["name"] for item in action.get("inputArtifacts") or []]
    yield from (f"configuration {problem}" for problem in type_.check(configuration, inputs))


def _artifact_problems(type_: ActionType, action: Record) -> Iterator[str]:
    for member, (least, most) in (("inputArtifacts", type_.inputs), ("outputArtifacts", type_.outputs)):
        found = action.get(member) or []
        if not least <= len(found) <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            yield f"{member}: {type_.provider} takes {wanted}, and this action has {len(found)}"
        if any(item.get("files") for item in found):
            yield f"{member}: files is not supported by the local AWS; leave it out"


def _check_flow(pipeline: Record) -> None:
    """Artifacts and namespaces: each made once, and before it is used."""
    made: set[str] = set()
    variables: dict[str, set[str] | None] = {
        "codepipeline": set(_OWN_VARIABLES),
        "variables": {item["name"] for item in pipeline.get("variables", [])},
    }
    namespaces: set[str] = set()
    for stage in pipeline["stages"]:
        for order in sorted({action.get("runOrder", 1) for action in stage["actions"]}):
            together = [action for action in stage["actions"] if action.get("runOrder", 1) == order]
            for action in together:
                problem = next(_flow_problems(action, made, variables), None)
                if problem is not None:
                    raise InvalidActionDeclarationException(
                        f"Stage '{stage['name']}', action '{action['name']}': {problem}"
                    )
            for action in together:
                place = f"Stage '{stage['name']}', action '{action['name']}'"
                _claim(
                    [item["name"] for item in action.get("outputArtifacts") or []], made, f"{place}: outputArtifacts"
                )
                if action.get("namespace"):
                    if action["namespace"] in OWN_NAMESPACES:
                        raise InvalidActionDeclarationException(
                            f"{place}: namespace '{action['namespace']}' is CodePipeline's own"
                        )
                    _claim([action["namespace"]], namespaces, f"{place}: namespace")
                    variables[action["namespace"]] = None


def _flow_problems(action: Record, made: set[str], variables: dict[str, set[str] | None]) -> Iterator[str]:
    for item in action.get("inputArtifacts") or []:
        if item["name"] not in made:
            yield f"inputArtifacts: no action before this one has the output artifact '{item['name']}'"
    for key, value in (action.get("configuration") or {}).items():
        for namespace, name in references(value):
            if not name:
                yield f"configuration {key}: #{{{namespace}}} is no variable; write #{{namespace.name}}"
            elif namespace not in variables:
                yield f"configuration {key}: no action before this one has the namespace '{namespace}'"
            else:
                known = variables[namespace]
                if known is not None and name not in known:
                    found = ", ".join(sorted(known)) or "none"
                    yield f"configuration {key}: the namespace '{namespace}' has no '{name}'; it has: {found}"


def _claim(names: list[str], taken: set[str], place: str) -> None:
    for name in names:
        if name in taken:
            raise InvalidActionDeclarationException(f"{place} '{name}' is another action's too; each must be unique")
        taken.add(name)


def _require_unique(names: list[str], what: str, error: type[Exception]) -> None:
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise error(f"{what} name '{twice[0]}' is there twice; names must be unique")
