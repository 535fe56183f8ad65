"""docs/local.md against what the local AWS does."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from modelyard.local.autoscaling.api import API
from modelyard.local.codebuild.api import API as CODEBUILD
from modelyard.local.codepipeline.actions import ACTION_TYPES
from modelyard.local.codepipeline.api import API as CODEPIPELINE
from modelyard.local.commands import app
from modelyard.local.sagemaker import PARTS
from modelyard.local.sagemaker.cloudformation.types import RESOURCE_TYPES
from modelyard.local.sagemaker.operations import SAGEMAKER
from modelyard.local.sagemaker.pipelines.definition import STEP_TYPES

PAGE = (Path(__file__).parents[2] / "docs" / "local.md").read_text()
RUNTIME = {"InvokeEndpoint"}


def section(title: str) -> str:
    return re.split(r"^#+ ", PAGE.split(f"{title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def operations(text: str) -> set[str]:
    """What is written as the name of an operation: a verb and more, in code."""
    verbs = (
        "Add|Batch|Create|Delete|Deregister|Describe|DisableStage|EnableStage|Get|Invoke|List|Put|Register|Retry|Start|Stop|Tag"
        "|Untag|Update"
    )
    return set(re.findall(rf"`((?:{verbs})[A-Z]\w+)`", text))


def test_every_operation_of_sagemaker_is_listed_and_no_other() -> None:
    for part in PARTS:
        importlib.import_module(part)
    assert operations(section("### SageMaker")) == set(SAGEMAKER.operations) | RUNTIME


def test_every_operation_of_application_auto_scaling_is_listed_and_no_other() -> None:
    assert operations(section("### Alarms, metrics and scaling")) == set(API.operations)


def test_every_operation_of_codebuild_is_listed_and_no_other() -> None:
    importlib.import_module("modelyard.local.codebuild")
    assert operations(section("### CodeBuild")) == set(CODEBUILD.operations)


def test_every_operation_and_key_of_codepipeline_is_listed_and_no_other() -> None:
    importlib.import_module("modelyard.local.codepipeline")
    text = section("### CodePipeline")
    assert operations(text.partition("These actions run")[0]) == set(CODEPIPELINE.operations)
    for type_ in ACTION_TYPES:
        (row,) = re.findall(rf"^\| \w.*, {type_.provider} \| (.*) \|.*\|$", text, flags=re.MULTILINE)
        listed = set(re.findall(r"`(\w+)`", row)) - {value for values in type_.keys.values() for value in values}
        # What can be off alone need not be told.
        assert listed - {"TimeoutInMinutes"} == {name for name, values in type_.keys.items() if values != ("false",)}


def test_every_resource_type_of_sagemaker_and_every_type_of_step_is_named() -> None:
    text = section("### SageMaker")
    provisions = text[text.index("CloudFormation provisions") :]
    named = set(re.findall(r"`(?:AWS::SageMaker::)?([A-Z][A-Za-z]+)`", provisions.partition(", and")[0]))
    assert {f"AWS::SageMaker::{name}" for name in named} == {item.name for item in RESOURCE_TYPES}
    assert all(kind in text for kind in STEP_TYPES)


def test_every_command_is_told() -> None:
    told = set(re.findall(r"^\|.*?`[^`]*modelyard local (\w+)", PAGE, flags=re.MULTILINE))
    assert told == {
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    }
