"""Alarms as clients see them, in a local AWS whose minutes are short."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.local.fast_aws import eventually
from tests.local_aws import LocalAws


class Metric:
    """A metric of a test's own, and alarms on it."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.cloudwatch = aws.client("cloudwatch")
        self.name = f"m-{uuid.uuid4().hex[:8]}"
        self._alarms: list[str] = []

    def put(self, *values: float, thing: str = "a", **more: Any) -> None:
        dimensions = [{"Name": "Thing", "Value": thing}]
        data = [{"MetricName": self.name, "Dimensions": dimensions, "Value": value, **more} for value in values]
        self.cloudwatch.put_metric_data(Namespace="Tests", MetricData=data)

    def alarm(self, thing: str = "a", **more: Any) -> str:
        name = f"{self.name}-{len(self._alarms)}"
        given = {
            "Namespace": "Tests",
            "MetricName": self.name,
            "Dimensions": [{"Name": "Thing", "Value": thing}],
            "Statistic": "Maximum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 5,
            "ComparisonOperator": "GreaterThanThreshold",
            **more,
        }
        self.cloudwatch.put_metric_alarm(
            AlarmName=name, **{key: value for key, value in given.items() if value is not None}
        )
        self._alarms.append(name)
        return name

    def described(self, alarm: str) -> dict[str, Any]:
        (found,) = self.cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
        return dict(found)

    def history(self, alarm: str) -> list[str]:
        """The changes of its state, the newest first."""
        found = self.cloudwatch.describe_alarm_history(AlarmName=alarm, HistoryItemType="StateUpdate")
        return [item["HistorySummary"] for item in found["AlarmHistoryItems"]]

    def datapoints(self, alarm: str) -> list[list[float] | None]:
        """By which datapoints it changed its state, the newest first; None where nobody said."""
        found = self.cloudwatch.describe_alarm_history(AlarmName=alarm, HistoryItemType="StateUpdate")
        states = [json.loads(item["HistoryData"])["newState"] for item in found["AlarmHistoryItems"]]
        return [state.get("stateReasonData", {}).get("recentDatapoints") for state in states]

    def await_state(self, alarm: str, state: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            found = self.described(alarm)
            return found if found["StateValue"] == state else None

        return eventually(look, f"{alarm} in {state}")

    def close(self) -> None:
        self.cloudwatch.delete_alarms(AlarmNames=self._alarms)


@pytest.fixture
def metric(fast_aws: LocalAws) -> Iterator[Metric]:
    made = Metric(fast_aws)
    yield made
    made.close()


def test_an_alarm_goes_through_its_states_as_its_metric_does(metric: Metric) -> None:
    alarm = metric.alarm(AlarmDescription="Too much.")
    assert metric.described(alarm)["StateValue"] == "INSUFFICIENT_DATA"
    metric.put(9.0)
    shown = metric.await_state(alarm, "ALARM")
    assert shown["StateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [9.0 (")
    data = json.loads(shown["StateReasonData"])
    assert (data["recentDatapoints"], data["threshold"], data["statistic"]) == ([9.0], 5.0, "Maximum")
    # Nothing more is published: all of the evaluation range is missing after some minutes.
    shown = metric.await_state(alarm, "INSUFFICIENT_DATA")
    assert shown["StateReason"] == "Insufficient Data: 1 datapoint was unknown."
    summaries = metric.history(alarm)
    assert "Alarm updated from INSUFFICIENT_DATA to ALARM" in summaries
    assert "Alarm updated from ALARM to INSUFFICIENT_DATA" in summaries


def test_the_history_says_by_which_datapoints_an_alarm_changed(metric: Metric) -> None:
    alarm = metric.alarm(TreatMissingData="notBreaching")
    metric.await_state(alarm, "OK")
    metric.put(9.0)
    metric.await_state(alarm, "ALARM")
    assert metric.datapoints(alarm)[0] == [9.0]
    metric.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="INSUFFICIENT_DATA", StateReason="a drill")
    drill = metric.history(alarm).index("Alarm updated from ALARM to INSUFFICIENT_DATA")
    assert metric.datapoints(alarm)[drill] is None


def test_an_alarm_looks_at_its_own_dimensions_only(metric: Metric) -> None:
    of_a, of_b = metric.alarm("a"), metric.alarm("b", TreatMissingData="notBreaching")
    metric.put(9.0, thing="a")
    metric.await_state(of_a, "ALARM")
    metric.await_state(of_b, "OK")
    assert not any("to ALARM" in summary for summary in metric.history(of_b))


def test_missing_data_is_treated_as_the_alarm_says(metric: Metric) -> None:
    states = {"breaching": "ALARM", "notBreaching": "OK"}
    alarms = {treatment: metric.alarm(TreatMissingData=treatment) for treatment in states}
    for treatment, state in states.items():
        metric.await_state(alarms[treatment], state)


def test_a_percentile_counts_every_value(metric: Metric) -> None:
    high = metric.alarm(Statistic=None, ExtendedStatistic="p99", Threshold=500)
    low = metric.alarm(Statistic=None, ExtendedStatistic="p50", Threshold=500)
    counted = {"Values": [10.0, 1000.0], "Counts": [90.0, 10.0]}
    data = {"MetricName": metric.name, "Dimensions": [{"Name": "Thing", "Value": "a"}], **counted}
    metric.cloudwatch.put_metric_data(Namespace="Tests", MetricData=[data])
    metric.await_state(high, "ALARM")
    metric.await_state(low, "OK")


def test_a_state_that_is_set_by_hand_lasts_until_the_next_evaluation(metric: Metric) -> None:
    alarm = metric.alarm(TreatMissingData="notBreaching")
    metric.await_state(alarm, "OK")
    metric.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a drill")
    metric.await_state(alarm, "OK")


def test_an_alarm_that_is_not_supported_says_so(metric: Metric) -> None:
    alarm = metric.alarm(Statistic=None, ExtendedStatistic="tm99")
    eventually(lambda: "tm99" in metric.described(alarm)["StateReason"], "the reason")
    found = metric.described(alarm)
    assert found["StateValue"] == "INSUFFICIENT_DATA"
    assert found["StateReason"] == "The local AWS does not evaluate the statistic tm99."


def test_a_change_of_state_notifies_and_is_an_event(metric: Metric) -> None:
    sqs, sns, events = (metric.aws.client(name) for name in ("sqs", "sns", "events"))
    told, seen = (sqs.create_queue(QueueName=f"{metric.name}-{name}")["QueueUrl"] for name in ("told", "seen"))
    arns = {
        url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        for url in (told, seen)
    }
    topic = sns.create_topic(Name=metric.name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arns[told])
    alarm = metric.alarm(AlarmActions=[topic])
    pattern = {"source": ["aws.cloudwatch"], "detail": {"alarmName": [alarm], "state": {"value": ["ALARM"]}}}
    events.put_rule(Name=metric.name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=metric.name, Targets=[{"Id": "seen", "Arn": arns[seen]}])
    metric.put(9.0)

    notification = json.loads(_message(sqs, told)["Message"])
    assert (notification["AlarmName"], notification["NewStateValue"]) == (alarm, "ALARM")
    event = _message(sqs, seen)
    shown = metric.described(alarm)
    assert event["detail-type"] == "CloudWatch Alarm State Change"
    assert event["resources"] == [shown["AlarmArn"]]
    detail = event["detail"]
    assert detail["state"]["reason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [9.0 (")
    assert detail["previousState"]["value"] in ("INSUFFICIENT_DATA", "OK")
    (watched,) = detail["configuration"]["metrics"]
    assert watched["metricStat"] == {
        "metric": {"namespace": "Tests", "name": metric.name, "dimensions": {"Thing": "a"}},
        "period": 60,
        "stat": "Maximum",
    }
    events.remove_targets(Rule=metric.name, Ids=["seen"])
    events.delete_rule(Name=metric.name)


def test_the_command_line_shows_the_state(metric: Metric) -> None:
    alarm = metric.alarm(TreatMissingData="breaching")
    metric.await_state(alarm, "ALARM")
    query = "MetricAlarms[0].StateValue"
    done = metric.aws.run(
        "aws", "cloudwatch", "describe-alarms", "--alarm-names", alarm, "--query", query, "--output", "text"
    )
    assert done.stdout.strip() == "ALARM"


def _message(sqs: Any, url: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", ()):
            return dict(json.loads(message["Body"]))
        return None

    return eventually(look, "a message")
