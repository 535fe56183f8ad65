"""A definition that cannot run is refused when the pipeline is created: the exact words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelyard.local.sagemaker.errors import ValidationException
from modelyard.local.sagemaker.pipelines.definition import read_definition


def fail(name: str, **more: Any) -> dict[str, Any]:
    return {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": "no"}, **more}


def processing(
    name: str, *, instance: Any = "ml.m5.large", arguments: list[Any] | None = None, **more: Any
) -> dict[str, Any]:
    return {
        "Name": name,
        "Type": "Processing",
        "Arguments": {
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": instance, "InstanceCount": 1, "VolumeSizeInGB": 30}
            },
            "AppSpecification": {
                "ImageUri": "image",
                "ContainerEntrypoint": ["python3"],
                **({"ContainerArguments": arguments} if arguments else {}),
            },
            "RoleArn": "arn:aws:iam::111122223333:role/job",
        },
        **more,
    }


def condition(name: str, *conditions: dict[str, Any], if_steps: list[Any] | None = None) -> dict[str, Any]:
    arguments = {"Conditions": list(conditions), "IfSteps": if_steps or [], "ElseSteps": []}
    return {"Name": name, "Type": "Condition", "Arguments": arguments}


def definition(*steps: dict[str, Any], **more: Any) -> str:
    return json.dumps({"Version": "2020-12-01", "Parameters": [], "Steps": list(steps), **more})


def get(expression: str) -> dict[str, str]:
    return {"Get": expression}


EQUALS = {"Type": "Equals", "LeftValue": 1, "RightValue": 1}
REFUSED = {
    "not JSON": ("{", "It is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
    "version": (definition(fail("A"), Version="2019-01-01"), "Version is '2019-01-01'; it must be '2020-12-01'"),
    "no steps": (definition(), "It has no Steps"),
    "unknown type": (
        definition({"Name": "Tune", "Type": "Tuning", "Arguments": {}}),
        "Step 'Tune' has type 'Tuning', which the local AWS does not support; "
        "supported: Processing, Training, Model, RegisterModel, Condition, Fail",
    ),
    "a name twice, once nested": (
        definition(fail("A"), condition("C", EQUALS, if_steps=[fail("A")])),
        "The step name 'A' is used more than once",
    ),
    "no name": (definition({"Type": "Fail"}), "A step has no Name"),
    "depends on nothing": (
        definition(fail("A", DependsOn=["B"])),
        "Step 'A' depends on step 'B', which does not exist",
    ),
    "reads no parameter": (
        definition(processing("A", instance=get("Parameters.Instance"))),
        "Step 'A' reads 'Parameters.Instance', which does not exist",
    ),
    "reads no step": (
        definition(processing("A", arguments=[get("Steps.Train.ModelArtifacts.S3ModelArtifacts")])),
        "Step 'A' reads 'Steps.Train.ModelArtifacts.S3ModelArtifacts', which does not exist",
    ),
    "reads no property": (
        definition(processing("A"), processing("B", arguments=[get("Steps.A.ModelArtifacts.S3ModelArtifacts")])),
        "Step 'B' reads 'Steps.A.ModelArtifacts.S3ModelArtifacts': Processing step 'A' has no property "
        "'ModelArtifacts'",
    ),
    "reads itself": (
        definition(processing("A", arguments=[get("Steps.A.ProcessingJobArn")])),
        "Step 'A' reads 'Steps.A.ProcessingJobArn', which does not exist",
    ),
    "reads no execution variable": (
        definition(processing("A", arguments=[get("Execution.Id")])),
        "Step 'A' reads 'Execution.Id', which does not exist",
    ),
    "reads no property file": (
        definition(
            processing("A"),
            condition(
                "C",
                {
                    **EQUALS,
                    "LeftValue": {"Std:JsonGet": {"PropertyFile": get("Steps.A.PropertyFiles.Report"), "Path": "a"}},
                },
            ),
        ),
        "Step 'C' reads 'Steps.A.PropertyFiles.Report': step 'A' has no such property file",
    ),
    "a cycle": (
        definition(processing("A", DependsOn=["B"]), processing("B", DependsOn=["A"])),
        "Steps wait for each other: ",
    ),
    "an unknown condition": (
        definition(condition("C", {"Type": "Or", "Conditions": [EQUALS, {"Type": "Near"}]})),
        "Step 'C' has a condition of type 'Near'; types: Equals, GreaterThan, GreaterThanOrEqualTo, LessThan, "
        "LessThanOrEqualTo, In, Not, Or",
    ),
    "a wrong instance type": (
        definition(processing("A", instance="ml.m5.enormous")),
        "Step 'A': Value 'ml.m5.enormous' at 'ProcessingResources.ClusterConfig.InstanceType' failed to satisfy "
        "constraint: Member must satisfy enum value set: [",
    ),
    "a misspelt argument": (
        definition({**processing("A"), "Arguments": {**processing("A")["Arguments"], "RoleArm": "x"}}),
        "Step 'A': Value 'x' at 'RoleArm' failed to satisfy constraint: Member is not known; did you mean 'RoleArn'?",
    ),
    "a cache that never says when": (
        definition(processing("A", CacheConfig={"Enabled": True, "ExpireAfter": "soon"})),
        "CacheConfig.ExpireAfter of step 'A': 'soon' is not an ISO 8601 duration, such as P30D or PT1H",
    ),
    "a parameter type": (
        definition(fail("A"), Parameters=[{"Name": "P", "Type": "Number"}]),
        "Parameter 'P' has type 'Number'; types: String, Integer, Float, Boolean",
    ),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_a_definition_is_refused_with_the_step_and_the_field(text: str, message: str) -> None:
    with pytest.raises(ValidationException) as refused:
        read_definition(text)

    assert str(refused.value).startswith(f"Unable to parse pipeline definition. {message}")


def test_a_default_of_another_type_is_refused() -> None:
    declared = [{"Name": "P", "Type": "Integer", "DefaultValue": "1"}]

    with pytest.raises(ValidationException, match="Default value '1' of pipeline parameter 'P' is not of type Integer"):
        read_definition(definition(fail("A"), Parameters=declared))


def test_functions_stand_where_values_are_checked_otherwise() -> None:
    text = definition(
        processing("A", instance=get("Parameters.Instance"), arguments=[get("Execution.PipelineExecutionId")]),
        condition("C", EQUALS, if_steps=[processing("B", arguments=[get("Steps.A.ProcessingJobArn")])]),
        Parameters=[{"Name": "Instance", "Type": "String", "DefaultValue": "ml.m5.large"}],
    )

    read = read_definition(text)

    assert {name: step.after for name, step in read.steps.items()} == {"A": set(), "C": set(), "B": {"A", "C"}}
    assert read.steps["B"].branch == ("C", True)
