"""Rollout alarms: CloudWatch alarms that see the new fleet only, one set for each endpoint config.

They are called `{config name}-{alarm name}` and made before the update that they watch; they go with their config.
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .artifacts import HASH_LENGTH, VARIANT, is_artifact_name, name_prefix, tags
from .checks import NUMBER, TEXT, DeclarationError, Kinds, check, check_range
from .errors import Transient
from .instants import seconds_between

if TYPE_CHECKING:
    from .declaration import Declaration

_INVOCATIONS = "AWS/SageMaker"
LIMIT = 10  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AutoRollbackConfig.html
_KEYS: dict[str, Kinds] = {
    "name": TEXT,
    "metric": TEXT,
    "namespace": TEXT,
    "statistic": TEXT,
    "threshold": (int, float),
    "period_seconds": NUMBER,
    "evaluation_periods": NUMBER,
    "comparison": TEXT,
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_STATISTICS = {"Average", "Maximum", "Minimum", "SampleCount", "Sum"}
_PERCENTILE = re.compile(r"p(100|\d{1,2}(\.\d{1,10})?)")
_SHORT_PERIODS = {10, 20, 30}
_LONGEST = 86400  # seconds that an alarm looks back at most
_COMPARISONS = {
    "GreaterThanThreshold": "above",
    "GreaterThanOrEqualToThreshold": "at or above",
    "LessThanThreshold": "below",
    "LessThanOrEqualToThreshold": "at or below",
}
_DELETED_AT_ONCE = 100  # the most that DeleteAlarms takes


@dataclass(frozen=True)
class AlarmSpec:
    """A declared rollout alarm, in CloudWatch's terms; `threshold` is in the metric's unit."""

    name: str
    metric: str
    namespace: str
    statistic: str
    threshold: float
    period_seconds: int
    evaluation_periods: int
    comparison: str


def parse(values: Sequence[Any], where: str) -> list[AlarmSpec]:
    """The rollout alarms of a declaration; a DeclarationError if one breaks CloudWatch's rules."""
    if len(values) > LIMIT:
        raise DeclarationError(f"{where}: {len(values)} alarms; a rollout is watched by {LIMIT} at most")
    specs = [_parse(value, f"{where}: {number}") for number, value in enumerate(values)]
    names = [spec.name for spec in specs]
    if len(set(names)) < len(names):
        raise DeclarationError(f"{where}: names are {', '.join(names)}; expected each name once")
    return specs


def _parse(value: Any, where: str) -> AlarmSpec:
    check(value, _KEYS, where)
    spec = AlarmSpec(**value)
    expected = ""
    if not _NAME.fullmatch(spec.name):
        expected = f"name is {spec.name!r}; expected up to 64 letters, digits, dots, hyphens and underscores"
    elif spec.statistic not in _STATISTICS and not _PERCENTILE.fullmatch(spec.statistic):
        expected = f"statistic is {spec.statistic!r}; expected {', '.join(sorted(_STATISTICS))} or a percentile as p99"
    elif spec.comparison not in _COMPARISONS:
        expected = f"comparison is {spec.comparison!r}; expected {', '.join(_COMPARISONS)}"
    elif spec.period_seconds not in _SHORT_PERIODS and (spec.period_seconds < 60 or spec.period_seconds % 60):
        expected = f"period_seconds is {spec.period_seconds}; expected 10, 20, 30 or a multiple of 60"
    if expected:
        raise DeclarationError(f"{where}: {expected}")
    most = max(1, _LONGEST // spec.period_seconds)
    check_range(spec.evaluation_periods, 1, most, f"{where}: evaluation_periods")
    return spec


def alarm_name(config_name: str, spec: AlarmSpec) -> str:
    """The CloudWatch name of a rollout alarm."""
    return f"{config_name}-{spec.name}"


def dimensions(endpoint_name: str, config_name: str, namespace: str = _INVOCATIONS) -> list[dict[str, str]]:
    """What tells the metrics of one config's fleet from those of any other.

    SageMaker publishes what instances use (GPU memory, say) for endpoint and variant only: there old and new fleet are
    seen together. https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
    """
    values = {"EndpointName": endpoint_name, "VariantName": VARIANT}
    if namespace == _INVOCATIONS:
        values["EndpointConfigName"] = config_name
    return [{"Name": name, "Value": value} for name, value in values.items()]


def request(declaration: Declaration, config_name: str, spec: AlarmSpec) -> dict[str, Any]:
    """PutMetricAlarm's arguments. No traffic is no reason to roll back."""
    percentile = bool(_PERCENTILE.fullmatch(spec.statistic))
    return {
        "AlarmName": alarm_name(config_name, spec),
        "AlarmDescription": f"Rolls endpoint {declaration.endpoint_name} back while it is being updated",
        "Namespace": spec.namespace,
        "MetricName": spec.metric,
        "Dimensions": dimensions(declaration.endpoint_name, config_name, spec.namespace),
        "ExtendedStatistic" if percentile else "Statistic": spec.statistic,
        "Period": spec.period_seconds,
        "EvaluationPeriods": spec.evaluation_periods,
        "Threshold": float(spec.threshold),
        "ComparisonOperator": spec.comparison,
        "TreatMissingData": "notBreaching",
        "Tags": tags(declaration),
    }


def prepare(cloudwatch: Any, declaration: Declaration, config_name: str) -> list[str]:
    """Make the alarms of a config and return their names. One that is in ALARM already is a Transient.

    It can only be about an earlier rollout of the same config, and ends when its periods have passed.
    """
    for spec in declaration.alarms:
        cloudwatch.put_metric_alarm(**request(declaration, config_name, spec))
    names = [alarm_name(config_name, spec) for spec in declaration.alarms]
    if names:
        _require_quiet(cloudwatch, declaration, names)
    return names


def _require_quiet(cloudwatch: Any, declaration: Declaration, names: list[str]) -> None:
    shown = cloudwatch.describe_alarms(AlarmNames=names, StateValue="ALARM").get("MetricAlarms", [])
    if shown:
        loud = ", ".join(sorted(alarm["AlarmName"] for alarm in shown))
        window = max(spec.period_seconds * spec.evaluation_periods for spec in declaration.alarms)
        # A message comes ten times; that must outlast the alarm's memory.
        raise Transient(f"the rollout cannot start while its alarms are in ALARM: {loud}", min(window // 5, 900))


def of_endpoint(cloudwatch: Any, endpoint_name: str) -> dict[str, str]:
    """The config of every rollout alarm of the endpoint, by the alarm's name."""
    pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=name_prefix(endpoint_name))
    length = len(name_prefix(endpoint_name)) + HASH_LENGTH
    found: dict[str, str] = {}
    for alarm in (alarm for page in pages for alarm in page.get("MetricAlarms", [])):
        given = {item["Name"]: item["Value"] for item in alarm.get("Dimensions", [])}
        config_name = alarm["AlarmName"][:length]
        if given.get("EndpointName") == endpoint_name and is_artifact_name(endpoint_name, config_name):
            found[alarm["AlarmName"]] = config_name
    return found


def delete(cloudwatch: Any, names: Iterable[str]) -> None:
    """Delete alarms; absent counts as done."""
    left = sorted(names)
    for start in range(0, len(left), _DELETED_AT_ONCE):
        cloudwatch.delete_alarms(AlarmNames=left[start : start + _DELETED_AT_ONCE])


def tripped(cloudwatch: Any, endpoint_name: str, config_name: str, since: str) -> list[str]:
    """What each alarm of the config that went into ALARM after `since` says: its name, metric, value and threshold.

    The history is asked, not the state: without traffic an alarm is OK again soon after the roll back.
    """
    own = [name for name, config in of_endpoint(cloudwatch, endpoint_name).items() if config == config_name]
    found = []
    for name in sorted(own):
        pages = cloudwatch.get_paginator("describe_alarm_history").paginate(
            AlarmName=name, HistoryItemType="StateUpdate", StartDate=since
        )
        states = [_new_state(item) for page in pages for item in page.get("AlarmHistoryItems", [])]
        first = next((state for state in reversed(states) if state.get("stateValue") == "ALARM"), None)
        if first is not None:
            found.append(_told(cloudwatch, name, first))
    return found


def _new_state(item: dict[str, Any]) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(item.get("HistoryData") or "{}").get("newState", {})
    return state


def _told(cloudwatch: Any, name: str, state: dict[str, Any]) -> str:
    data = state.get("stateReasonData") or {}
    values = (json.loads(data) if isinstance(data, str) else data).get("recentDatapoints") or []
    alarm = next(iter(cloudwatch.describe_alarms(AlarmNames=[name]).get("MetricAlarms", [])), None)
    if alarm is None or not values:
        return f"alarm {name}: {state.get('stateReason') or 'CloudWatch gave no reason'}"
    where = _COMPARISONS.get(alarm["ComparisonOperator"], alarm["ComparisonOperator"])
    return f"alarm {name}: {alarm['MetricName']} was {values[-1]:g}, {where} {alarm['Threshold']:g}"


def saw_no_traffic(cloudwatch: Any, endpoint_name: str, config_name: str, since: str, until: str) -> bool:
    """Whether no request reached the fleet of a config between two moments."""
    minutes = int(seconds_between(since, until) // 60) + 2
    answer = cloudwatch.get_metric_statistics(
        Namespace=_INVOCATIONS,
        MetricName="Invocations",
        Dimensions=dimensions(endpoint_name, config_name),
        StartTime=since,
        EndTime=until,
        Period=60 * minutes,
        Statistics=["Sum"],
    )
    return not any(point["Sum"] for point in answer.get("Datapoints", []))
