"""The definition language: paths, functions, conditions, parameters, durations, retries."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from modelyard.local.sagemaker.errors import ValidationException
from modelyard.local.sagemaker.pipelines.conditions import holds
from modelyard.local.sagemaker.pipelines.durations import seconds
from modelyard.local.sagemaker.pipelines.functions import EvaluationError, Scope, evaluate, references
from modelyard.local.sagemaker.pipelines.parameters import parameter, values
from modelyard.local.sagemaker.pipelines.paths import MISSING, parse, walk
from modelyard.local.sagemaker.pipelines.retries import job_fault, waits

JOB = {"ProcessingOutputConfig": {"Outputs": [{"OutputName": "train", "S3Output": {"S3Uri": "s3://b/train"}}]}}
OBJECTS = {
    "s3://b/report.json": json.dumps({"metrics": {"rmse": {"value": 2.5}}, "by.age": [1, {"x": None}]}),
    "s3://b/broken.json": "{",
}


def scope() -> Scope:
    return Scope(
        {"Rows": 3, "Rate": 0.5, "Name": "abalone", "Full": True},
        {"PipelineExecutionId": "abc", "CurrentDateTime": lambda: "now"},
        lambda uri: OBJECTS[uri].encode(),
        {"Process": JOB, "Check": {"Outcome": True}},
        {("Evaluate", "Report"): "s3://b/report.json"},
    )


def json_get(path: str) -> dict[str, Any]:
    return {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Report"}, "Path": path}}


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("a", ["a"]),
        ("a.b.c", ["a", "b", "c"]),
        ("a[0].b", ["a", 0, "b"]),
        ("a['x.y'].b", ["a", "x.y", "b"]),
        ('a["x"][12]', ["a", "x", 12]),
    ],
)
def test_a_path_is_read_part_by_part(path: str, parts: list[str | int]) -> None:
    assert parse(path) == parts


def test_a_broken_path_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be read from"):
        parse("a[b")


def test_an_item_of_a_list_is_found_by_index_and_by_name() -> None:
    for part in (0, "train"):
        assert walk(JOB, ["ProcessingOutputConfig", "Outputs", part, "S3Output", "S3Uri"]) == "s3://b/train"
    assert walk(JOB, ["ProcessingOutputConfig", "Outputs", 1]) is MISSING
    assert walk(JOB, ["ProcessingOutputConfig", "Outputs", "test"]) is MISSING
    assert walk("text", ["a"]) is MISSING


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ({"Get": "Parameters.Rows"}, 3),
        ({"Get": "Execution.PipelineExecutionId"}, "abc"),
        ({"Get": "Execution.CurrentDateTime"}, "now"),
        ({"Get": "Steps.Process.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"}, "s3://b/train"),
        ({"Get": "Steps.Process.ProcessingOutputConfig.Outputs[0].S3Output.S3Uri"}, "s3://b/train"),
        ({"Get": "Steps.Check.Outcome"}, True),
        (
            {"Std:Join": {"On": "/", "Values": ["s3:/", {"Get": "Parameters.Name"}, {"Get": "Parameters.Rows"}]}},
            "s3://abalone/3",
        ),
        ({"Std:Join": {"Values": ["a", {"Get": "Parameters.Full"}, {"Get": "Parameters.Rate"}]}}, "atrue0.5"),
        ({"Std:Join": {"On": "-", "Values": [{"Std:Join": {"On": "+", "Values": ["a", "b"]}}, "c"]}}, "a+b-c"),
        (json_get("metrics.rmse.value"), 2.5),
        (json_get("['by.age'][0]"), 1),
        (json_get("['by.age'][1].x"), None),
        (
            {
                "Std:JsonGet": {
                    "S3Uri": {"Std:Join": {"On": "/", "Values": ["s3:/", "b", "report.json"]}},
                    "Path": "metrics.rmse.value",
                }
            },
            2.5,
        ),
        ({"List": [{"Get": "Parameters.Rows"}, {"Deep": {"Get": "Parameters.Rate"}}]}, {"List": [3, {"Deep": 0.5}]}),
    ],
)
def test_functions_are_replaced_by_their_values(value: Any, result: Any) -> None:
    assert evaluate(value, scope()) == result


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"Get": "Parameters.Nothing"}, "'Parameters.Nothing' has no value"),
        ({"Get": "Steps.Other.Outcome"}, "'Steps.Other.Outcome' has no value"),
        (
            {"Get": "Steps.Process.ProcessingOutputConfig.Outputs['test']"},
            "'Steps.Process.ProcessingOutputConfig.Outputs['test']' has no value",
        ),
        (json_get("metrics.mae"), "s3://b/report.json has no value at 'metrics.mae'"),
        (
            {"Std:JsonGet": {"S3Uri": "s3://b/broken.json", "Path": "a"}},
            "s3://b/broken.json cannot be read as JSON for the path 'a': Expecting property name enclosed in double "
            "quotes: line 1 column 2 (char 1)",
        ),
    ],
)
def test_a_function_without_a_value_says_which(value: Any, message: str) -> None:
    with pytest.raises(EvaluationError) as failed:
        evaluate(value, scope())

    assert str(failed.value) == message


def test_references_are_found_at_any_depth() -> None:
    value = {"a": [{"Std:Join": {"Values": [{"Get": "Steps.A.x"}, "Steps.B.y"]}}], "b": json_get("c")}

    assert list(references(value)) == ["Steps.A.x", "Steps.Evaluate.PropertyFiles.Report"]


def compare(kind: str, left: Any, right: Any) -> dict[str, Any]:
    return {"Type": kind, "LeftValue": left, "RightValue": right}


@pytest.mark.parametrize(
    ("kind", "less", "equal", "greater"),
    [
        ("Equals", False, True, False),
        ("GreaterThan", False, False, True),
        ("GreaterThanOrEqualTo", False, True, True),
        ("LessThan", True, False, False),
        ("LessThanOrEqualTo", True, True, False),
    ],
)
def test_comparisons_of_numbers_and_of_strings(kind: str, less: bool, equal: bool, greater: bool) -> None:
    for low, high in ((1, 2.5), ("a", "b")):
        results = [holds(compare(kind, *pair), scope()) for pair in ((low, high), (low, low), (high, low))]
        assert results == [less, equal, greater]
    assert holds(compare(kind, 3.0, {"Get": "Parameters.Rows"}), scope()) is equal


def test_a_boolean_equals_no_number_and_a_string_equals_no_number() -> None:
    assert not holds(compare("Equals", True, 1), scope())
    assert not holds(compare("Equals", "1", 1), scope())
    assert holds(compare("Equals", {"Get": "Steps.Check.Outcome"}, True), scope())


def test_order_is_defined_for_two_numbers_or_two_strings_only() -> None:
    with pytest.raises(EvaluationError, match="LessThan compares two numbers or two strings, not '1' and 1"):
        holds(compare("LessThan", "1", 1), scope())


def test_in_not_and_or_combine_in_both_spellings() -> None:
    within = {"Type": "In", "QueryValue": {"Get": "Parameters.Name"}, "Values": ["x", {"Get": "Parameters.Name"}]}
    outside = {**within, "Values": ["x"]}
    assert holds(within, scope()) and not holds(outside, scope())
    for member in ("Condition", "Expression"):
        assert holds({"Type": "Not", member: outside}, scope())
        assert not holds({"Type": "Not", member: within}, scope())
    for first, second in itertools.product((within, outside), repeat=2):
        expected = within in (first, second)
        assert holds({"Type": "Or", "Conditions": [first, second]}, scope()) is expected


DECLARED = {
    str(item["Name"]): parameter(item)
    for item in (
        {"Name": "Text", "Type": "String", "DefaultValue": "a", "EnumValues": ["a", "b"]},
        {"Name": "Count", "Type": "Integer", "DefaultValue": 1},
        {"Name": "Rate", "Type": "Float", "DefaultValue": 0.5},
        {"Name": "Flag", "Type": "Boolean", "DefaultValue": False},
        {"Name": "Needed", "Type": "String"},
    )
}


def given(**texts: str) -> list[dict[str, str]]:
    return [{"Name": name, "Value": text} for name, text in texts.items()]


def test_parameters_take_the_type_that_is_declared() -> None:
    assert values(DECLARED, given(Needed="n", Text="b", Count="7", Rate="1e-3", Flag="True")) == {
        "Text": "b",
        "Count": 7,
        "Rate": 0.001,
        "Flag": True,
        "Needed": "n",
    }
    assert values(DECLARED, given(Needed="n"))["Rate"] == 0.5


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"Needed": "n", "Count": "7.5"}, "Value '7.5' of pipeline parameter 'Count' is not of type Integer"),
        ({"Needed": "n", "Rate": "low"}, "Value 'low' of pipeline parameter 'Rate' is not of type Float"),
        ({"Needed": "n", "Flag": "yes"}, "Value 'yes' of pipeline parameter 'Flag' is not of type Boolean"),
        ({"Needed": "n", "Text": "c"}, "Value 'c' of pipeline parameter 'Text' is not allowed; allowed: a, b"),
        ({}, "Pipeline parameter 'Needed' has no default: give it a value"),
        (
            {"Needed": "n", "Cuont": "1"},
            "Pipeline parameter 'Cuont' is not declared; the pipeline declares: Count, Flag, Needed, Rate, Text",
        ),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused(texts: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationException) as refused:
        values(DECLARED, given(**texts))

    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("text", "length"),
    [("P30D", 2592000), ("PT1H", 3600), ("30d", 2592000), ("T16m", 960), ("30dT5h", 2610000), ("P1Y2M1W", 37324800)],
)
def test_durations_are_read_as_sagemaker_writes_them(text: str, length: int) -> None:
    assert seconds(text) == length


@pytest.mark.parametrize("text", ["", "P", "30", "1 day", "5h"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an ISO 8601 duration, such as P30D or PT1H"):
        seconds(text)


def test_a_retry_policy_says_how_often_and_how_long_to_wait() -> None:
    policies = [
        {"ExceptionType": ["Step.THROTTLING"], "IntervalSeconds": 9},
        {"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"], "IntervalSeconds": 3, "BackoffRate": 2, "MaxAttempts": 3},
    ]

    assert list(waits(policies, "SageMaker.JOB_INTERNAL_ERROR")) == [3, 6, 12]
    assert list(waits(policies, "Step.THROTTLING")) == [9, 18, 36, 72, 144]
    assert list(waits(policies, "SageMaker.CAPACITY_ERROR")) == list(waits(policies, None)) == []


def test_a_retry_policy_that_expires_ends_before_it_does() -> None:
    policy = {"ExceptionType": ["Step.THROTTLING"], "IntervalSeconds": 20, "BackoffRate": 1, "ExpireAfterMin": 1}

    assert list(waits([policy], "Step.THROTTLING")) == [20, 20, 20]


@pytest.mark.parametrize(
    ("reason", "fault"),
    [
        ("InternalServerError: interrupted", "SageMaker.JOB_INTERNAL_ERROR"),
        ("ResourceLimitExceeded: too many", "SageMaker.RESOURCE_LIMIT"),
        ("CapacityError: none left", "SageMaker.CAPACITY_ERROR"),
        ("AlgorithmError: InternalServerError: printed by a script", None),
    ],
)
def test_what_a_script_did_is_never_retried(reason: str, fault: str | None) -> None:
    assert job_fault(reason) == fault
