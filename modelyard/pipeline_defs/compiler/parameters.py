"""Other defaults for a pipeline's parameters, from the settings of a stage."""

from collections.abc import Mapping
from typing import Any

from modelyard.pipeline_defs.compiler.errors import PipelineDefinitionError
from modelyard.pipeline_defs.compiler.references import unknown

TYPES: dict[str, tuple[type, ...]] = {
    "String": (str,),
    "Integer": (int,),
    "Float": (int, float),
    "Boolean": (bool,),
}


def apply_parameters(definition: dict[str, Any], values: Mapping[str, Any]) -> None:
    """Make `values` the defaults of the parameters of `definition`.

    Raises:
        PipelineDefinitionError: a parameter does not exist, or the value is not of its type or its allowed values.
    """
    by_name = {parameter["Name"]: parameter for parameter in definition["Parameters"]}
    for name, value in values.items():
        if name not in by_name:
            raise PipelineDefinitionError(f"parameters.{name}: {unknown('parameter', name, by_name)}")
        kind = by_name[name]["Type"]
        if not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "Boolean"):
            raise PipelineDefinitionError(f"parameters.{name} is {value!r}; it must be of type {kind}")
        allowed = by_name[name].get("EnumValues")
        if allowed and value not in allowed:
            raise PipelineDefinitionError(f"parameters.{name} is {value!r}; it must be one of {', '.join(allowed)}")
        by_name[name]["DefaultValue"] = value
