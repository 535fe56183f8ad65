"""Every example of a public docstring, run as it stands, in a folder with an app's files."""

from __future__ import annotations

import doctest
import shutil
from pathlib import Path

import pytest
from aws_cdk import App, Duration
from aws_cdk import aws_iam as iam
from aws_cdk.aws_sns import Topic

import modelyard
from tests.foreign.stacks import PIPELINE, bare_stack
from tests.synthesis import ROOT

# Errors, and what other examples show: sections of settings.
WITHOUT_EXAMPLE = {
    *("App", "__version__", "ConfigurationError", "ParameterError", "PipelineDefinitionError", "SettingsError"),
    *("EndpointSettings", "FoundationStack", "ImageStack", "Project", "ProjectStack", "ServingStack", "Settings"),
    *("Stage", "TrainingSettings", "DataTriggerSettings", "Delivery", "DeliveryStack", "InstanceType"),
    *("add_platform", "add_rules", "compile_pipeline"),
}
EXAMPLES = {
    name: tests
    for name in modelyard.__all__
    if (tests := [each for each in doctest.DocTestFinder().find(getattr(modelyard, name), name) if each.examples])
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the examples find where they run."""
    shutil.copytree(PIPELINE, tmp_path / "pipeline")
    shutil.copytree(ROOT / "modelyard" / "containers", tmp_path / "containers")
    for file in ("cdk.json", "platform.yaml"):
        shutil.copy(ROOT / file, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_whatever_has_something_to_show_has_an_example() -> None:
    assert {name for name in modelyard.__all__ if name not in EXAMPLES} == WITHOUT_EXAMPLE


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_does_what_it_says(name: str, folder: Path) -> None:
    stack = bare_stack()
    role = iam.Role(stack, "Somebody", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    public = {name: getattr(modelyard, name) for name in modelyard.__all__}
    known = {**public, "stack": stack, "role": role, "Path": Path, "Duration": Duration, "Topic": Topic}
    for test in EXAMPLES[name]:
        test.globs = dict(known)
        said: list[str] = []
        assert doctest.DocTestRunner().run(test, out=said.append).failed == 0, "".join(said)
        app = test.globs.get("app", stack.node.root)
        assert isinstance(app, App)
        app.synth()
