"""What is done when, by an injected clock."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from modelyard.local.metrics.invocations import Variant
from modelyard.local.metrics.monitor import Monitor
from modelyard.local.metrics.statistics import Sample
from modelyard.local.metrics.utilization import InstanceProcess
from tests.local.metrics.recording import ACCOUNT, REGION, RecordingEmulator

# The beginning of a minute.
START = 1_800_000_000.0
VARIANT = Variant(ACCOUNT, REGION, "abalone", "AllTraffic", "abalone-1")


class Lab:
    def __init__(self, factor: float = 1.0) -> None:
        self.now = START
        self.emulator = RecordingEmulator()
        self.monitor = Monitor(self.emulator, factor, clock=lambda: self.now)
        self.acted: list[tuple[str, str]] = []
        self.monitor.transitions.on_action = lambda account, region, alarm, arn: self.acted.append(
            (alarm["AlarmName"], arn)
        )

    def tick(self, *seconds: float) -> None:
        for after in seconds:
            self.now = START + after
            self.monitor.tick(self.now)

    def sample(self, after: float, value: float) -> None:
        self.emulator.samples.setdefault("M", []).append(Sample(START + after, 1, value, value, value))

    def alarm(self, **more: Any) -> dict[str, Any]:
        given = {
            "AlarmName": "alarm",
            "Namespace": "N",
            "MetricName": "M",
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 5.0,
            "ComparisonOperator": "GreaterThanThreshold",
        }
        return self.emulator.add_alarm(**{**given, **more})

    def record(self) -> None:
        self.monitor.invocations.record(VARIANT, status=200, model_latency_us=900.0, overhead_us=90.0, instances=1)


@pytest.fixture
def lab() -> Iterator[Lab]:
    made = Lab()
    yield made
    made.monitor.close()


def test_invocations_are_published_once_a_minute_and_dated_into_it(lab: Lab) -> None:
    lab.record()
    lab.tick(10, 20, 50)
    assert lab.emulator.cloudwatch.published == []
    lab.tick(60, 70)
    (published,) = lab.emulator.cloudwatch.published
    assert published["Namespace"] == "AWS/SageMaker"
    assert {datum["Timestamp"].timestamp() for datum in published["MetricData"]} == {START + 30}
    assert {datum["MetricName"] for datum in published["MetricData"]} == {
        "Invocations",
        "InvocationsPerInstance",
        "Invocation4XXErrors",
        "Invocation5XXErrors",
        "InvocationModelErrors",
        "ModelLatency",
        "OverheadLatency",
    }


def test_a_minute_without_invocations_publishes_nothing(lab: Lab) -> None:
    lab.tick(60, 120)
    assert lab.emulator.cloudwatch.published == []


def test_the_usage_of_running_processes_is_published(lab: Lab) -> None:
    leader = os.getsid(0)
    lab.monitor.processes = lambda: [InstanceProcess(ACCOUNT, REGION, "abalone", "AllTraffic", leader)]
    lab.tick(60, 120)
    first, second = lab.emulator.cloudwatch.published
    assert first["Namespace"] == "/aws/sagemaker/Endpoints"
    names = [{datum["MetricName"] for datum in each["MetricData"]} for each in (first, second)]
    assert "MemoryUtilization" in names[0] and "CPUUtilization" not in names[0]
    assert names[1] >= {"MemoryUtilization", "CPUUtilization"}


def test_an_alarm_is_evaluated_by_whole_minutes(lab: Lab) -> None:
    alarm = lab.alarm()
    lab.sample(30, 9.0)
    lab.tick(10, 40, 50)
    assert alarm["StateValue"] == "INSUFFICIENT_DATA"
    lab.tick(60)
    assert alarm["StateValue"] == "ALARM"


def test_a_high_resolution_alarm_is_evaluated_every_ten_seconds(lab: Lab) -> None:
    alarm = lab.alarm(Period=10)
    lab.sample(5, 9.0)
    lab.tick(10)
    assert alarm["StateValue"] == "ALARM"


def test_a_period_of_minutes_is_evaluated_every_minute_over_the_last_of_them(lab: Lab) -> None:
    alarm = lab.alarm(Period=300, TreatMissingData="notBreaching")
    for minute in range(5):
        lab.sample(60 * minute + 30, 2.0)
    lab.tick(60, 120)
    assert alarm["StateValue"] == "OK"
    lab.tick(180)
    assert alarm["StateValue"] == "ALARM"


def test_the_clock_factor_shortens_every_period() -> None:
    lab = Lab(factor=60.0)
    try:
        alarm = lab.alarm()
        lab.record()
        lab.sample(0.5, 9.0)
        lab.tick(1.0)
        assert alarm["StateValue"] == "ALARM"
        (published,) = lab.emulator.cloudwatch.published
        assert published["MetricData"][0]["Timestamp"].timestamp() == START + 0.5
    finally:
        lab.monitor.close()


def test_a_tick_that_comes_late_makes_up_for_the_minutes_before(lab: Lab) -> None:
    lab.record()
    lab.tick(185)
    assert len(lab.emulator.cloudwatch.published) == 1


def test_a_scaling_policy_is_invoked_every_minute_of_an_alarm(lab: Lab) -> None:
    policy = "arn:aws:autoscaling:eu-west-1:111122223333:scalingPolicy:1:resource/sagemaker/x:policyName/p"
    lab.alarm(AlarmActions=[policy, "arn:aws:sns:eu-west-1:111122223333:topic"])
    for minute in range(3):
        lab.sample(60 * minute + 30, 9.0)
    lab.tick(60, 120, 180)
    lab.monitor.close()
    assert lab.acted == [("alarm", policy)] * 3
    assert [entry["DetailType"] for entry in lab.emulator.events] == ["CloudWatch Alarm State Change"]


def test_disabled_actions_invoke_nothing(lab: Lab) -> None:
    policy = "arn:aws:autoscaling:eu-west-1:111122223333:scalingPolicy:1:resource/sagemaker/x:policyName/p"
    lab.alarm(AlarmActions=[policy], ActionsEnabled=False)
    lab.sample(30, 9.0)
    lab.tick(60)
    lab.monitor.close()
    assert lab.acted == []


def test_one_alarm_that_cannot_be_evaluated_does_not_keep_the_others_from_it(lab: Lab) -> None:
    lab.alarm(AlarmName="broken", EvaluationPeriods="none")
    alarm = lab.alarm()
    lab.sample(30, 9.0)
    lab.tick(60)
    assert alarm["StateValue"] == "ALARM"


def test_what_fails_in_a_tick_is_tried_again_in_the_next(lab: Lab) -> None:
    seen: list[str] = []

    def fail() -> None:
        seen.append("failing")
        raise ValueError("no")

    lab.monitor.every_tick += [fail, lambda: seen.append("after it")]
    lab.tick(10, 20)
    assert seen == ["failing", "after it"] * 2
