"""Checks that everything a definition refers to exists: parameters, execution variables, steps and their outputs."""

import difflib
import re
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

from modelyard.pipeline_defs.compiler.definition import Step, own_arguments, references, steps
from modelyard.shapes import operation_output

EXECUTION_VARIABLES = (
    "PipelineName",
    "PipelineArn",
    "PipelineExecutionId",
    "PipelineExecutionArn",
    "StartDateTime",
    "CurrentDateTime",
    "TrainingJobName",
    "ProcessingJobName",
)
# Namespaces that the SDK itself checks.
UNCHECKED = ("ForEach", "IterationOutput", "PipelineExperimentConfig")
# What a finished step offers is what the service says of its job.
DESCRIPTIONS = {
    "Processing": "DescribeProcessingJob",
    "Training": "DescribeTrainingJob",
    "Tuning": "DescribeHyperParameterTuningJob",
    "Transform": "DescribeTransformJob",
    "Model": "DescribeModel",
    "RegisterModel": "DescribeModelPackage",
    "AutoML": "DescribeAutoMLJob",
}
# Members of a path: a name, ['a key'] or [0].
_MEMBER = re.compile(r"\.?([A-Za-z0-9_-]+)|\['([^']*)'\]|\[(\d+)\]")


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """ "there is no …", with the nearest name that exists, or else all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names) or 'none'}"
    return f"there is no {kind} {name!r}; {hint}"


def reference_problems(definition: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every wrong reference, as the step that holds it and what is wrong."""
    by_name = {step["Name"]: step for step in steps(definition)}
    parameters = [parameter["Name"] for parameter in definition["Parameters"]]
    for name, step in by_name.items():
        for field, reference in references(own_arguments(step)):
            problem = _problem(reference, parameters, by_name)
            if problem:
                yield name, f"{field} refers to {reference}: {problem}"
        for other in _depends_on(step):
            if other not in by_name:
                yield name, f"DependsOn: {unknown('step', other, by_name)}"
        yield from ((name, problem) for problem in _property_file_problems(step))
    yield from _cycles(by_name)


def _problem(reference: str, parameters: list[str], by_name: dict[str, Step]) -> str | None:
    kind, _, rest = reference.partition(".")
    if kind == "Parameters":
        return None if rest in parameters else unknown("parameter", rest, parameters)
    if kind == "Execution":
        return None if rest in EXECUTION_VARIABLES else unknown("execution variable", rest, EXECUTION_VARIABLES)
    if kind in UNCHECKED:
        return None
    if kind != "Steps":
        return unknown("namespace", kind, ("Parameters", "Execution", "Steps", *UNCHECKED))
    name, _, path = rest.partition(".")
    if name not in by_name:
        return unknown("step", name, by_name)
    return _path_problem(by_name[name], path)


def _path_problem(step: Step, path: str) -> str | None:
    """What is wrong with the `path` of a reference to `step`."""
    if path.startswith("PropertyFiles."):
        files = [file["PropertyFileName"] for file in step.get("PropertyFiles", [])]
        name = path.removeprefix("PropertyFiles.")
        return None if name in files else unknown("property file", name, files)
    if step["Type"] not in DESCRIPTIONS:
        return None
    shape = operation_output("sagemaker", DESCRIPTIONS[step["Type"]])
    for name, key, index in _MEMBER.findall(path):
        if name and shape.type_name == "structure":
            if name not in shape.members:
                return unknown("field", name, shape.members)
            shape = shape.members[name]
        elif (key or index) and shape.type_name == "list":
            if key and shape.name == "ProcessingOutputs" and key not in _outputs(step):
                return unknown("output", key, _outputs(step))
            shape = shape.member
        elif shape.type_name == "map":
            shape = shape.value
        else:
            return f"{name or key or index!r} cannot be looked up in a value of type {shape.type_name}"
    return None


def _outputs(step: Step) -> list[str]:
    outputs = step["Arguments"].get("ProcessingOutputConfig", {}).get("Outputs", [])
    return [output["OutputName"] for output in outputs]


def _property_file_problems(step: Step) -> Iterator[str]:
    for file in step.get("PropertyFiles", []):
        if file["OutputName"] not in _outputs(step):
            yield f"property file {file['PropertyFileName']!r}: {unknown('output', file['OutputName'], _outputs(step))}"


def _depends_on(step: Step) -> list[str]:
    return [other if isinstance(other, str) else other["Step"] for other in step.get("DependsOn") or []]


def _cycles(by_name: dict[str, Step]) -> Iterator[tuple[str, str]]:
    graph = {
        name: {*_depends_on(step), *(reference.split(".")[1] for _, reference in _step_references(step))}
        for name, step in by_name.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        cycle = error.args[1]
        yield cycle[0], f"steps wait for each other: {' -> '.join(reversed(cycle))}"


def _step_references(step: Step) -> Iterator[tuple[str, str]]:
    return ((field, reference) for field, reference in references(own_arguments(step)) if reference[:6] == "Steps.")
