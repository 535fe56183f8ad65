"""A pipeline definition (version 2020-12-01), read and checked whole before a pipeline is created or updated."""

from __future__ import annotations

import graphlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from modelyard.local.sagemaker.errors import ValidationException
from modelyard.local.sagemaker.pipelines import conditions, durations
from modelyard.local.sagemaker.pipelines.functions import is_function, references
from modelyard.local.sagemaker.pipelines.parameters import Parameter, parameter
from modelyard.local.sagemaker.pipelines.paths import parse
from modelyard.shapes import operation_input, operation_output, problems

__all__ = ["EXECUTION_VARIABLES", "STEP_TYPES", "Definition", "Step", "read_definition"]

VERSION = "2020-12-01"
# Step type, the operation that its arguments are for, and the argument that the engine adds.
STEP_TYPES: dict[str, tuple[str, str] | None] = {
    "Processing": ("CreateProcessingJob", "ProcessingJobName"),
    "Training": ("CreateTrainingJob", "TrainingJobName"),
    "Model": ("CreateModel", "ModelName"),
    "RegisterModel": ("CreateModelPackage", ""),
    "Condition": None,
    "Fail": None,
}
EXECUTION_VARIABLES = (
    "StartDateTime",
    "CurrentDateTime",
    "PipelineName",
    "PipelineArn",
    "PipelineExecutionId",
    "PipelineExecutionArn",
    "TrainingJobName",
    "ProcessingJobName",
)


@dataclass(frozen=True)
class Step:
    """One step, nested ones included. ``branch`` is the condition step that it is nested in and its outcome there."""

    name: str
    type: str
    declared: dict[str, Any]
    branch: tuple[str, bool] | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments, of a condition step those without the steps nested in it."""
        arguments = self.declared.get("Arguments", {})
        if self.type != "Condition":
            return arguments  # type: ignore[no-any-return]
        return {"Conditions": arguments.get("Conditions", [])}

    @property
    def after(self) -> set[str]:
        """The steps that must have run before: by reference, by DependsOn, by nesting."""
        read = {str(parse(text)[1]) for text in references(self.arguments) if text.startswith("Steps.")}
        condition = {self.branch[0]} if self.branch else set()
        return read | set(self.declared.get("DependsOn", [])) | condition

    @property
    def property_files(self) -> dict[str, dict[str, str]]:
        return {item["PropertyFileName"]: item for item in self.declared.get("PropertyFiles", [])}


@dataclass(frozen=True)
class Definition:
    """A checked definition: its parameters and all of its steps, nested ones after the one that holds them."""

    parameters: dict[str, Parameter] = field(default_factory=dict)
    steps: dict[str, Step] = field(default_factory=dict)


def read_definition(text: str) -> Definition:
    """The definition in ``text``; raises ``ValidationException`` that names the step and the field."""
    try:
        declared = json.loads(text)
    except ValueError as error:
        raise _wrong(f"It is not JSON: {error}") from None
    if not isinstance(declared, dict) or declared.get("Version") != VERSION:
        found = declared.get("Version") if isinstance(declared, dict) else declared
        raise _wrong(f"Version is '{found}'; it must be '{VERSION}'")
    parameters = [parameter(item) for item in declared.get("Parameters", [])]
    steps = list(_steps(declared.get("Steps", []), None))
    if not steps:
        raise _wrong("It has no Steps")
    _require_unique("parameter", [item.name for item in parameters])
    _require_unique("step", [step.name for step in steps])
    definition = Definition({item.name: item for item in parameters}, {step.name: step for step in steps})
    for step in steps:
        _check(step, definition)
    _require_order(definition)
    return definition


def _wrong(what: str) -> ValidationException:
    return ValidationException(f"Unable to parse pipeline definition. {what}")


def _steps(declared: list[dict[str, Any]], branch: tuple[str, bool] | None) -> Iterator[Step]:
    for item in declared:
        name, kind = item.get("Name"), item.get("Type")
        if not isinstance(name, str) or not name:
            raise _wrong("A step has no Name")
        if kind not in STEP_TYPES:
            raise _wrong(
                f"Step '{name}' has type '{kind}', which the local AWS does not support; "
                f"supported: {', '.join(STEP_TYPES)}"
            )
        yield Step(name, kind, item, branch)
        if kind == "Condition":
            yield from _steps(item.get("Arguments", {}).get("IfSteps", []), (name, True))
            yield from _steps(item.get("Arguments", {}).get("ElseSteps", []), (name, False))


def _require_unique(noun: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise _wrong(f"The {noun} name '{name}' is used more than once")


def _check(step: Step, definition: Definition) -> None:
    for name in step.declared.get("DependsOn", []):
        if name not in definition.steps:
            raise _wrong(f"Step '{step.name}' depends on step '{name}', which does not exist")
    for expression in references(step.arguments):
        _check_reference(step, expression, definition)
    _check_cache(step)
    if step.type == "Condition":
        for condition in step.arguments["Conditions"]:
            _check_condition(step, condition)
    elif step.type == "Fail":
        if "ErrorMessage" not in step.arguments:
            raise _wrong(f"Step '{step.name}' has no ErrorMessage")
    else:
        _check_arguments(step)


def _check_reference(step: Step, expression: str, definition: Definition) -> None:
    head, _, rest = expression.partition(".")
    known = {"Parameters": definition.parameters, "Execution": EXECUTION_VARIABLES}
    if head in known:
        if rest not in known[head]:
            raise _wrong(f"Step '{step.name}' reads '{expression}', which does not exist")
        return
    other, _, path = rest.partition(".")
    target = definition.steps.get(other.partition("[")[0])
    if head != "Steps" or target is None or target.name == step.name:
        raise _wrong(f"Step '{step.name}' reads '{expression}', which does not exist")
    if path.startswith("PropertyFiles."):
        if path.removeprefix("PropertyFiles.") not in target.property_files:
            raise _wrong(f"Step '{step.name}' reads '{expression}': step '{target.name}' has no such property file")
        return
    _check_property(step, expression, target)


def _check_property(step: Step, expression: str, target: Step) -> None:
    operation = STEP_TYPES[target.type]
    try:
        _, _, *path = parse(expression)
    except ValueError as error:
        raise _wrong(f"Step '{step.name}' reads {error}") from None
    if operation is None or not path:
        return
    described = operation_output("sagemaker", operation[0].replace("Create", "Describe"))
    for part in path:
        described = _member(described, part)
        if described is None:
            raise _wrong(
                f"Step '{step.name}' reads '{expression}': {target.type} step '{target.name}' has no property '{part}'"
            )


def _member(shape: Any, part: str | int) -> Any:
    if shape.type_name == "structure":
        return shape.members.get(part)
    if shape.type_name == "list":
        return shape.member
    return shape.value if shape.type_name == "map" else None


def _check_cache(step: Step) -> None:
    cache = step.declared.get("CacheConfig") or {}
    if not cache.get("Enabled"):
        return
    try:
        durations.seconds(str(cache.get("ExpireAfter", "")))
    except ValueError as error:
        raise _wrong(f"CacheConfig.ExpireAfter of step '{step.name}': {error}") from None


def _check_condition(step: Step, condition: dict[str, Any]) -> None:
    if condition.get("Type") not in conditions.TYPES:
        raise _wrong(
            f"Step '{step.name}' has a condition of type '{condition.get('Type')}'; "
            f"types: {', '.join(conditions.TYPES)}"
        )
    for inner in conditions.nested(condition):
        _check_condition(step, inner)


def _check_arguments(step: Step) -> None:
    operation, added = STEP_TYPES[step.type] or ("", "")
    shape = operation_input("sagemaker", operation)
    found = [item for item in problems(shape, step.arguments, opaque=is_function) if item.path != added]
    if found:
        raise _wrong(f"Step '{step.name}': {'; '.join(map(str, found))}")


def _require_order(definition: Definition) -> None:
    graph = {step.name: step.after for step in definition.steps.values()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        raise _wrong(f"Steps wait for each other: {' -> '.join(reversed(error.args[1]))}") from None
