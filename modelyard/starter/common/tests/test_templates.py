"""The templates that `cdk deploy` would send."""

import json
from pathlib import Path
from typing import Any

import pytest

from app import ROOT, build
from modelyard import add_rules, load_settings, names

SETTINGS = load_settings(ROOT / "platform.yaml")


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app, synthesised under the rules of cdk-nag and of CloudFormation: what they find ends the synthesis."""
    app = build(tmp_path_factory.mktemp("assembly"))
    add_rules(app)
    return Path(app.synth().directory)


def template(assembly: Path, stack: str) -> Any:
    return json.loads((assembly / f"{stack}.template.json").read_text())


@pytest.mark.parametrize("stage", SETTINGS.stages, ids=lambda stage: stage.name)
def test_every_project_has_a_pipeline_and_a_model_package_group(assembly: Path, stage: Any) -> None:
    for project in SETTINGS.projects_of(stage):
        resources = template(assembly, names.project_stack(stage.name, project.name))["Resources"].values()
        types = [resource["Type"] for resource in resources]
        assert types.count("AWS::SageMaker::Pipeline") == 1
        assert types.count("AWS::SageMaker::ModelPackageGroup") == (0 if stage.adopt else 1)


def test_two_syntheses_give_the_same_templates(assembly: Path, tmp_path: Path) -> None:
    again = Path(build(tmp_path).synth().directory)
    for first in assembly.glob("*.template.json"):
        assert (again / first.name).read_bytes() == first.read_bytes(), first.name
