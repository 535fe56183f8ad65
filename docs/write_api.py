"""Writes docs/api.md from the docstrings of all that `modelyard` makes public: `python docs/write_api.py`."""

import inspect
import re
import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent / "api.md"
PARTS = {
    "Constructs": ["ModelRegistry", "TrainingPipeline", "ModelEndpoint"],
    "What an endpoint runs on, and how it moves": [
        *("Capacity", "InstanceType", "Rollout", "RolloutAlarm", "Scaling", "Network"),
    ],
    "What constructs stand on": [
        *("StackDefaults", "ArtifactStore", "Ledger", "ExecutionRoles", "ApprovalHook", "ContainerImage"),
        *("ImageBuilder", "ParameterRegistry"),
    ],
    "Stacks": ["PlatformStage", "FoundationStack", "ImageStack", "ServingStack", "ProjectStack", "DeliveryStack"],
    "Settings and apps": [
        *("create_app", "add_platform", "add_rules", "load_settings", "Settings", "Stage", "Project"),
        *("EndpointSettings", "TrainingSettings", "DataTriggerSettings", "Delivery"),
    ],
    "Outside a stack": ["ParameterStore", "compile_pipeline"],
    "Errors": ["ConfigurationError", "SettingsError", "PipelineDefinitionError", "ParameterError"],
}
INTRODUCTION = """\
# The public API

All that `import modelyard` offers, in the words of its docstrings; this page is written by `make docs`. In the examples
`stack` is a `Stack` with an account and a region, `role` an IAM role, and whatever else is not explained is the CDK's;
every one is run by a test. [constructs.md](constructs.md) puts the constructs together in an app.

`App` is the CDK's own. A name is found when it is first asked for: what needs the CDK wants
`pip install 'modelyard[cdk]'`, what compiles a pipeline `pip install 'modelyard[pipelines]'`; `ParameterStore` and
`load_settings` need neither.
"""
SECTIONS = ("Args", "Attributes", "Returns", "Raises", "Example")


def page() -> str:
    """The text of docs/api.md."""
    import modelyard

    parts = [INTRODUCTION]
    for title, names in PARTS.items():
        parts.append(f"## {title}\n")
        parts += [entry(name, getattr(modelyard, name)) for name in names]
    return "\n".join(parts)


def entry(name: str, value: Any) -> str:
    """What a public name is."""
    parts = [f"### {name}\n", *signature(name, value), described(value)]
    for member, found in sorted(vars(value).items()) if inspect.isclass(value) else []:
        method = getattr(value, member)
        if member.startswith("_") or not inspect.isfunction(method) or not method.__doc__:
            continue
        static = isinstance(found, staticmethod)
        parts += [f"#### {name}.{member}\n", *signature(f"{name}.{member}" if static else member, method)]
        parts.append(described(method))
    return "\n".join(parts)


def signature(name: str, value: Any) -> list[str]:
    """How it is called, where its author wrote that down."""
    if inspect.isclass(value) and (issubclass(value, Exception) or "__init__" not in vars(value)):
        return []
    call = inspect.signature(value.__init__ if inspect.isclass(value) else value)
    parameters = [each for each in call.parameters.values() if each.name != "self"]
    words = [_short(str(each)) for each in parameters]
    keywords = [index for index, each in enumerate(parameters) if each.kind is inspect.Parameter.KEYWORD_ONLY]
    if keywords:
        words.insert(keywords[0], "*")
    returns = call.return_annotation
    back = "" if inspect.isclass(value) or returns in (None, inspect.Signature.empty) else f" -> {_short(str(returns))}"
    line = f"{name}({', '.join(words)}){back}"
    if len(line) > 100:
        line = f"{name}(\n" + "".join(f"    {word},\n" for word in words) + f"){back}"
    return [f"```python\n{line}\n```\n"]


def _short(annotated: str) -> str:
    """Types without their modules."""
    text = re.sub(r"<class '([^']+)'>", r"\1", annotated)
    text = re.sub(r"<factory>|<function [^>]+>", "…", text)
    text = re.sub(r"PosixPath\('[^']*'\)|Path\('[^']*'\)", "…", text)
    text = re.sub(r"(?:\w+\.)+(\w+)", r"\1", text)
    return re.sub(r"(: |-> |^)'([\w | .\[\]]+)'", r"\1\2", text)


def described(value: Any) -> str:
    """A docstring with its sections as lists."""
    lines = inspect.cleandoc(value.__doc__ or "").splitlines()
    text: list[str] = []
    section = ""
    for line in lines:
        if line.removesuffix(":") in SECTIONS and line.endswith(":"):
            section = line.removesuffix(":")
            text += _opened(section)
        elif section == "Example" and line.startswith("    "):
            text.append(line[4:])
        elif section in ("Args", "Attributes", "Raises") and re.match(r"    \S", line):
            name, _, rest = line.strip().partition(": ")
            text.append(f"- `{name}`: {rest}")
        elif section == "Returns":
            text.append(line.strip())
        else:
            text.append(line.strip() and (f"  {line.strip()}" if section else line))
    if section == "Example":
        text.append("```")
    return "\n".join(text).rstrip() + "\n"


def _opened(section: str) -> list[str]:
    return ["**Example**", "", "```pycon"] if section == "Example" else [f"**{section}**", ""]


if __name__ == "__main__":
    sys.path.insert(0, str(PAGE.parents[1]))
    PAGE.write_text(page())
