"""What state an alarm is in, worked out from its last datapoints.

The rules, with the tables that the tests hold, are those of
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from modelyard.local.metrics.statistics import Datapoint, is_known

__all__ = ["Verdict", "evaluate", "evaluation_range", "statistic_name", "unsupported"]

_COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
# "The evaluation range is the maximum number of recent data points that are retrieved and can be used in case some
# data points are missing"; in AWS's examples it is two more than the evaluation periods.
_MORE_PERIODS = 2
_FILLED = {"breaching": "Breaching", "notBreaching": "NonBreaching"}


@dataclass(frozen=True)
class Verdict:
    """The state that an alarm should have, in CloudWatch's words, and the datapoints that say so (the newest first)."""

    state: str
    reason: str
    datapoints: tuple[Datapoint, ...] = ()


def statistic_name(alarm: Mapping[str, Any]) -> str:
    """The statistic of ``alarm``, basic or extended."""
    return str(alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average")


def evaluation_range(alarm: Mapping[str, Any]) -> int:
    """How many periods are looked at."""
    return int(alarm["EvaluationPeriods"]) + _MORE_PERIODS


def unsupported(alarm: Mapping[str, Any]) -> str | None:
    """Why ``alarm`` cannot be evaluated here; None if it can."""
    if not alarm.get("MetricName") or not alarm.get("Namespace"):
        return "The local AWS does not evaluate alarms on metric math or several metrics."
    if alarm.get("ComparisonOperator") not in _COMPARISONS:
        return f"The local AWS does not evaluate the ComparisonOperator {alarm.get('ComparisonOperator')}."
    if not is_known(statistic_name(alarm)):
        return f"The local AWS does not evaluate the statistic {statistic_name(alarm)}."
    return None


def evaluate(alarm: Mapping[str, Any], points: Sequence[Datapoint]) -> Verdict | None:
    """The state of ``alarm`` (as DescribeAlarms shows it) by ``points``, the oldest first, one for each period of its
    evaluation range. None: the state that it has is retained.
    """
    periods = int(alarm["EvaluationPeriods"])
    needed = int(alarm.get("DatapointsToAlarm") or periods)
    treatment = alarm.get("TreatMissingData") or "missing"
    compare, _words = _COMPARISONS[alarm["ComparisonOperator"]]
    real = [point for point in reversed(points) if point.value is not None][:periods]
    breaching = [point for point in real if point.value is not None and compare(point.value, alarm["Threshold"])]
    missing = periods - len(real)
    if missing and treatment in _FILLED:
        filled = missing if treatment == "breaching" else 0
        return _decided(alarm, len(breaching) + filled >= needed, real, breaching, missing)
    if not real:
        unknown = f"Insufficient Data: {_counted(periods, 'datapoint')} {_were(periods)} unknown."
        return Verdict("INSUFFICIENT_DATA", unknown) if treatment == "missing" else None
    if len(breaching) >= needed or len(breaching) < len(real):
        return _decided(alarm, len(breaching) >= needed, real, breaching, 0)
    # Everything known breaches, and it is too little: an alarm must not be premature.
    oldest_age = len(points) - list(points).index(real[-1])
    if treatment == "missing" and oldest_age >= needed:
        return _decided(alarm, True, real, breaching, 0)
    return None


def _decided(
    alarm: Mapping[str, Any], breached: bool, real: list[Datapoint], breaching: list[Datapoint], missing: int
) -> Verdict:
    periods = int(alarm["EvaluationPeriods"])
    needed = int(alarm.get("DatapointsToAlarm") or periods)
    state, transition, least = (
        ("ALARM", "OK -> ALARM", needed) if breached else ("OK", "ALARM -> OK", periods - needed + 1)
    )
    shown = breaching if breached else [point for point in real if point not in breaching]
    _compare, words = _COMPARISONS[alarm["ComparisonOperator"]]
    parts = []
    if shown:
        parts.append(
            f"{len(shown)} out of the last {periods} datapoints [{', '.join(map(_shown, shown))}] "
            f"{_were(len(shown))}{'' if breached else ' not'} {words} the threshold ({float(alarm['Threshold'])})"
        )
    elif not real:
        parts.append(f"no datapoints were received for {_counted(periods, 'period')}")
    if missing:
        treated = _FILLED[alarm["TreatMissingData"]]
        parts.append(f"{_counted(missing, 'missing datapoint')} {_were(missing)} treated as [{treated}]")
    least_words = f" (minimum {_counted(least, 'datapoint')} for {transition} transition)"
    return Verdict(state, f"Threshold Crossed: {' and '.join(parts)}{least_words}.", tuple(real))


def _shown(point: Datapoint) -> str:
    return f"{point.value} ({datetime.fromtimestamp(point.timestamp, UTC):%d/%m/%y %H:%M:%S})"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
