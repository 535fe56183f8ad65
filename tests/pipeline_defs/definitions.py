"""What tests read in a compiled definition."""

import json
from typing import Any

from modelyard.pipeline_defs.compiler import CompiledPipeline


def steps(compiled: CompiledPipeline) -> dict[str, Any]:
    """The definition's steps by name, those of the condition too."""
    found: dict[str, Any] = {}
    for step in json.loads(compiled.body)["Steps"]:
        inner = [*step["Arguments"].get("IfSteps", []), *step["Arguments"].get("ElseSteps", [])]
        found |= {each["Name"]: each for each in (step, *inner)}
    return found
