"""Checks each step's arguments against the service's own model, with the parameters' defaults filled in."""

import difflib
import re
from collections.abc import Iterator
from typing import Any

from modelyard.pipeline_defs.compiler.definition import Step, is_function, own_arguments, steps, strings
from modelyard.settings import ConfigurationError
from modelyard.settings.instances import InstanceType
from modelyard.shapes import Problem, operation_input, problems, service_model

# The operation that runs a step, and the name it takes, which SageMaker Pipelines makes itself.
OPERATIONS = {
    "Processing": ("CreateProcessingJob", "ProcessingJobName"),
    "Training": ("CreateTrainingJob", "TrainingJobName"),
    "Tuning": ("CreateHyperParameterTuningJob", "HyperParameterTuningJobName"),
    "Transform": ("CreateTransformJob", "TransformJobName"),
    "Model": ("CreateModel", "ModelName"),
    "RegisterModel": ("CreateModelPackage", "ModelPackageName"),
    "AutoML": ("CreateAutoMLJob", "AutoMLJobName"),
}
# Where a step says on what it runs.
CLUSTERS = {
    "Processing": ("ProcessingResources", "ClusterConfig"),
    "Training": ("ResourceConfig",),
    "Transform": ("TransformResources",),
}
# What the SDK puts into names that it makes from the clock.
_TIMESTAMP = re.compile(r"-(\d{14}|\d{4}(-\d\d){5}(-\d{3})?)(?!\d)")
_FEW = 8


class _Text(str):
    parameter: str


class _Integer(int):
    parameter: str


class _Float(float):
    parameter: str


_DEFAULTS = {str: _Text, int: _Integer, float: _Float}


def argument_problems(definition: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every argument that SageMaker would refuse, as the step and what is wrong."""
    defaults = {
        parameter["Name"]: _default(parameter) for parameter in definition["Parameters"] if "DefaultValue" in parameter
    }
    step_name = service_model("sagemaker").shape_for("StepName")
    for step in steps(definition):
        name = step["Name"]
        yield from ((name, describe(problem)) for problem in problems(step_name, name, path="Name"))
        yield from ((name, problem) for problem in _timestamps(step))
        if step["Type"] in OPERATIONS:
            arguments = _filled_in(own_arguments(step), defaults)
            yield from ((name, problem) for problem in _shape_problems(step["Type"], arguments))
            yield from ((name, problem) for problem in _volume_key_problems(step["Type"], arguments))


def describe(problem: Problem) -> str:
    """One line: field, value, what is allowed."""
    if problem.value is None:
        return f"{problem.path} is missing"
    source = getattr(problem.value, "parameter", None)
    where = f" (default of the parameter {source})" if source else ""
    return f"{problem.path} is {_plain(problem.value)!r}{where}; it {_rule(problem)}"


def _rule(problem: Problem) -> str:
    rule = problem.constraint.removeprefix("Member ")
    marker = "must satisfy enum value set: ["
    if not rule.startswith(marker):
        return rule
    values = rule.removeprefix(marker).removesuffix("]").split(", ")
    near = difflib.get_close_matches(str(problem.value), values, n=1)
    allowed = f"one of {', '.join(values)}" if len(values) <= _FEW else f"one of SageMaker's {len(values)} values"
    return f"must be {allowed}" + (f"; did you mean {near[0]!r}?" if near else "")


def _plain(value: Any) -> Any:
    return next((kind(value) for kind, marked in _DEFAULTS.items() if isinstance(value, marked)), value)


def _default(parameter: dict[str, Any]) -> Any:
    """A parameter's default that knows whose it is."""
    value = parameter["DefaultValue"]
    if type(value) not in _DEFAULTS:
        return value
    marked = _DEFAULTS[type(value)](value)
    marked.parameter = parameter["Name"]
    return marked


def _filled_in(value: Any, defaults: dict[str, Any]) -> Any:
    if is_function(value):
        name = str(value.get("Get", "")).removeprefix("Parameters.")
        return defaults.get(name, value)
    if isinstance(value, dict):
        return {key: _filled_in(item, defaults) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled_in(item, defaults) for item in value]
    return value


def _shape_problems(step_type: str, arguments: dict[str, Any]) -> Iterator[str]:
    operation, made_by_pipelines = OPERATIONS[step_type]
    for problem in problems(operation_input("sagemaker", operation), arguments, opaque=is_function):
        if problem.path != made_by_pipelines or problem.value is not None:
            yield describe(problem)


def _volume_key_problems(step_type: str, arguments: dict[str, Any]) -> Iterator[str]:
    path = CLUSTERS.get(step_type, ())
    cluster: Any = arguments
    for member in path:
        cluster = cluster.get(member, {})
    instance_type = cluster.get("InstanceType")
    if path and isinstance(instance_type, str) and "VolumeKmsKeyId" in cluster and _has_local_storage(instance_type):
        yield (
            f"{'.'.join((*path, 'VolumeKmsKeyId'))} is given, but SageMaker refuses a volume key on {instance_type}, "
            "whose storage is local NVMe and encrypted already; leave the key out"
        )


def _has_local_storage(instance_type: str) -> bool:
    try:
        return not InstanceType(instance_type).takes_volume_key
    except ConfigurationError:
        return False  # a family not known here: SageMaker will say


def _timestamps(step: Step) -> Iterator[str]:
    """Definitions are the same on every machine and day; the SDK's time-stamped names would change them each time."""
    for path, text in strings(own_arguments(step)):
        if _TIMESTAMP.search(text):
            yield f"{path} is {text!r}, a name made from the time; give one of your own"
