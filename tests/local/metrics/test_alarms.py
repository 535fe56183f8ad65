"""The state of an alarm, by the tables of
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.local.metrics.alarms import Verdict, evaluate, evaluation_range, unsupported
from modelyard.local.metrics.statistics import Datapoint

RETAINED = None
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")


def alarm(periods: int = 3, needed: int | None = None, treatment: str = "missing", **more: Any) -> dict[str, Any]:
    return {
        "Namespace": "N",
        "MetricName": "M",
        "EvaluationPeriods": periods,
        "DatapointsToAlarm": needed,
        "TreatMissingData": treatment,
        "Threshold": 5.0,
        "ComparisonOperator": "GreaterThanThreshold",
        **more,
    }


def points(drawn: str) -> list[Datapoint]:
    """``0`` is a datapoint within the threshold, ``X`` a breaching one, ``-`` a missing one; the newest is the last."""
    values = {"0": 1.0, "X": 9.0, "-": None}
    return [Datapoint(60.0 * index, values[letter]) for index, letter in enumerate(drawn.replace(" ", ""))]


def state(verdict: Verdict | None) -> str | None:
    return verdict.state if verdict else None


# 3 of 3: data, then the state for missing, ignore, breaching, notBreaching.
THREE_OF_THREE = [
    ("0 - X - X", "OK", "OK", "OK", "OK"),
    ("- - - - 0", "OK", "OK", "OK", "OK"),
    ("- - - - -", "INSUFFICIENT_DATA", RETAINED, "ALARM", "OK"),
    ("0 X X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("- - X - -", "ALARM", RETAINED, "ALARM", "OK"),
    # "the alarm does not go immediately into ALARM state when the data is either"
    ("- - - - X", RETAINED, RETAINED, "ALARM", "OK"),
    ("- - - X -", RETAINED, RETAINED, "ALARM", "OK"),
    # "false positives are avoided when the next data point is non-breaching and causes the data to be"
    ("- - - X 0", "OK", "OK", "OK", "OK"),
    ("- - X - 0", "OK", "OK", "OK", "OK"),
]
TWO_OF_THREE = [
    ("0 - X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("0 0 X 0 X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("0 - X - -", "OK", "OK", "ALARM", "OK"),
    ("- - - - 0", "OK", "OK", "ALARM", "OK"),
    ("- - - X -", "ALARM", RETAINED, "ALARM", "OK"),
]


@pytest.mark.parametrize(("drawn", "missing", "ignore", "breaching", "not_breaching"), THREE_OF_THREE)
def test_three_datapoints_of_three_decide_as_aws_says(
    drawn: str, missing: str, ignore: str, breaching: str, not_breaching: str
) -> None:
    found = [state(evaluate(alarm(3, 3, treatment), points(drawn))) for treatment in TREATMENTS]
    assert found == [missing, ignore, breaching, not_breaching]


@pytest.mark.parametrize(("drawn", "missing", "ignore", "breaching", "not_breaching"), TWO_OF_THREE)
def test_two_datapoints_of_three_decide_as_aws_says(
    drawn: str, missing: str, ignore: str, breaching: str, not_breaching: str
) -> None:
    found = [state(evaluate(alarm(3, 2, treatment), points(drawn))) for treatment in TREATMENTS]
    assert found == [missing, ignore, breaching, not_breaching]


def test_without_datapoints_to_alarm_every_period_must_breach() -> None:
    assert state(evaluate(alarm(3), points("- - 0 X X"))) == "OK"
    assert state(evaluate(alarm(3), points("- - X X X"))) == "ALARM"


@pytest.mark.parametrize(
    ("operator", "at_threshold", "above", "below"),
    [
        ("GreaterThanThreshold", "OK", "ALARM", "OK"),
        ("GreaterThanOrEqualToThreshold", "ALARM", "ALARM", "OK"),
        ("LessThanThreshold", "OK", "OK", "ALARM"),
        ("LessThanOrEqualToThreshold", "ALARM", "OK", "ALARM"),
    ],
)
def test_each_comparison_is_with_the_threshold(operator: str, at_threshold: str, above: str, below: str) -> None:
    one = alarm(1, ComparisonOperator=operator)
    assert [state(evaluate(one, [Datapoint(0, value)])) for value in (5.0, 5.1, 4.9)] == [at_threshold, above, below]


@pytest.mark.parametrize(
    ("of", "drawn", "reason"),
    [
        (
            alarm(3, 2),
            "0 X 0 X X",
            "Threshold Crossed: 2 out of the last 3 datapoints [9.0 (01/01/70 00:04:00), 9.0 (01/01/70 00:03:00)] were "
            "greater than the threshold (5.0) (minimum 2 datapoints for OK -> ALARM transition).",
        ),
        (
            alarm(1),
            "X X 0",
            "Threshold Crossed: 1 out of the last 1 datapoints [1.0 (01/01/70 00:02:00)] was not greater than the "
            "threshold (5.0) (minimum 1 datapoint for ALARM -> OK transition).",
        ),
        (alarm(2), "- - - -", "Insufficient Data: 2 datapoints were unknown."),
        (
            alarm(2, treatment="breaching"),
            "- - - -",
            "Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints were treated as "
            "[Breaching] (minimum 2 datapoints for OK -> ALARM transition).",
        ),
    ],
)
def test_the_reason_names_the_datapoints_and_the_threshold(of: dict[str, Any], drawn: str, reason: str) -> None:
    verdict = evaluate(of, points(drawn))
    assert verdict is not None and verdict.reason == reason


def test_two_more_periods_than_the_evaluation_periods_are_looked_at() -> None:
    assert evaluation_range(alarm(3)) == 5


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"MetricName": None}, "The local AWS does not evaluate alarms on metric math or several metrics."),
        (
            {"ComparisonOperator": "GreaterThanUpperThreshold"},
            "The local AWS does not evaluate the ComparisonOperator GreaterThanUpperThreshold.",
        ),
        ({"ExtendedStatistic": "tm90"}, "The local AWS does not evaluate the statistic tm90."),
        ({"ExtendedStatistic": "p99.9"}, None),
        ({}, None),
    ],
)
def test_what_cannot_be_evaluated_is_said(changed: dict[str, Any], reason: str | None) -> None:
    assert unsupported(alarm(**changed)) == reason
