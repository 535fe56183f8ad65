"""What a stage holds, as its parameters in SSM tell it; the functions know no project's name.

Needs `ssm:GetParametersByPath` on the stage's path.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .access import StageAccess

__all__ = ["Holdings", "Project", "holdings"]

PATH = "/modelyard/{stage}/"
ARTIFACTS = "platform/artifacts-bucket"
GROUP = "model-package-group"
ENDPOINT = "endpoint-name"
PIPELINE = "pipeline"


@dataclass(frozen=True)
class Project:
    """A project in a stage: its model package group, and its endpoint and pipeline where it has them."""

    name: str
    group: str
    endpoint: str = ""
    pipeline: str = ""


@dataclass(frozen=True)
class Holdings:
    """A stage's bucket for artefacts, and its projects by name."""

    artifacts_bucket: str
    projects: Mapping[str, Project]


def holdings(stage: StageAccess) -> Holdings:
    """What the stage holds; a project without a model package group is none."""
    path = PATH.format(stage=stage.name)
    pages = stage.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True)
    values = {item["Name"].removeprefix(path): item["Value"] for page in pages for item in page["Parameters"]}
    groups = {name.partition("/")[0]: value for name, value in values.items() if name.endswith(f"/{GROUP}")}
    projects = {
        name: Project(name, group, *(values.get(f"{name}/{key}", "") for key in (ENDPOINT, PIPELINE)))
        for name, group in sorted(groups.items())
    }
    return Holdings(values.get(ARTIFACTS, ""), projects)
