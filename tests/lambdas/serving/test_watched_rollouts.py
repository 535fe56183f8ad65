"""Rollouts as declared, watched by alarms that see the new fleet only, and what is told of how they end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelyard.lambdas.serving import reconcile, wake
from modelyard.lambdas.serving.collect import KEEP
from modelyard.lambdas.serving.outcomes import NO_TRAFFIC
from tests.lambdas.serving.fake.world import NAME, WATCHED, World


@pytest.fixture
def world() -> World:
    """A watched endpoint that serves version 1; 2 works, 3 raises an alarm, 4 cannot load."""
    world = World(dict(WATCHED))
    world.declare()
    for behaviour in ("good", "good", "alarming", "broken"):
        world.register(behaviour)
    world.approve(1)
    world.settle()
    world.sns.subjects.clear()
    world.wire.calls.clear()
    return world


def config_of(world: World, version: int) -> str:
    """The config of the last attempt at a version."""
    return next(item.config_name for item in reversed(world.records().attempts) if item.version == version)


def test_the_first_endpoint_has_no_rollout_and_no_alarms(world: World) -> None:
    assert "DeploymentConfig" not in world.wire.asked["create_endpoint"]
    assert not world.cloudwatch.alarms


def test_an_update_is_asked_for_with_the_declared_rollout_and_its_alarms(world: World) -> None:
    world.approve(2)
    assert world.settle() == 2
    config = config_of(world, 2)
    assert world.wire.asked["update_endpoint"] == {
        "EndpointName": NAME,
        "EndpointConfigName": config,
        "DeploymentConfig": {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {
                    "Type": "CANARY",
                    "WaitIntervalInSeconds": 300,
                    "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
                },
                "TerminationWaitInSeconds": 300,
            },
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": f"{config}-5xx"}, {"AlarmName": f"{config}-4xx"}]},
        },
        "RetainAllVariantProperties": True,
        "ExcludeRetainedVariantProperties": [
            {"VariantPropertyType": "DesiredWeight"},
            {"VariantPropertyType": "DataCaptureConfig"},
        ],
    }


def test_a_rollout_alarm_sees_one_config_and_takes_silence_for_good_news(world: World) -> None:
    world.approve(2)
    world.settle()
    config = config_of(world, 2)
    alarm = world.cloudwatch.alarms[f"{config}-5xx"]
    assert {item["Name"]: item["Value"] for item in alarm["Dimensions"]} == {
        "EndpointName": NAME,
        "VariantName": "AllTraffic",
        "EndpointConfigName": config,
    }
    assert alarm["TreatMissingData"] == "notBreaching"
    assert {"Key": "modelyard:endpoint", "Value": NAME} in alarm["Tags"]
    assert (alarm["Statistic"], alarm["Threshold"], alarm["Period"]) == ("Average", 0.05, 60)


def test_an_alarm_on_what_instances_use_names_no_config_and_goes_with_its_config(world: World) -> None:
    memory = {
        **WATCHED["alarms"][0],
        "name": "gpu-memory",
        "metric": "GPUMemoryUtilization",
        "namespace": "/aws/sagemaker/Endpoints",
        "statistic": "Maximum",
        "threshold": 95,
    }
    world.declare(alarms=[memory])
    world.approve(2)
    world.settle()
    alarm = world.cloudwatch.alarms[f"{config_of(world, 2)}-gpu-memory"]
    assert {item["Name"]: item["Value"] for item in alarm["Dimensions"]} == {
        "EndpointName": NAME,
        "VariantName": "AllTraffic",
    }
    world.destroy()
    assert not world.cloudwatch.alarms


def test_a_percentile_is_an_extended_statistic(world: World) -> None:
    latency = {**WATCHED["alarms"][0], "name": "slow", "metric": "ModelLatency", "statistic": "p99"}
    world.declare(alarms=[latency])
    world.approve(2)
    world.settle()
    alarm = world.cloudwatch.alarms[f"{config_of(world, 2)}-slow"]
    assert alarm["ExtendedStatistic"] == "p99" and "Statistic" not in alarm


def test_alarms_cost_a_call_each_and_one_to_look_at_them(world: World) -> None:
    world.approve(2)
    world.run()
    calls = world.wire.calls
    assert calls.index("update_endpoint") + 1 == 15 + len(WATCHED["alarms"])
    assert calls.count("put_metric_alarm") == len(WATCHED["alarms"])


def test_a_rollout_does_not_start_while_one_of_its_alarms_is_in_alarm(world: World) -> None:
    world.approve(2)
    world.settle()
    first = f"{config_of(world, 2)}-5xx"
    world.approve(1)
    assert world.settle() == 1
    world.cloudwatch.alarms[first]["StateValue"] = "ALARM"
    world.approve(2)
    for _ in range(4):
        world.run()
    assert world.served() == 1
    world.cloudwatch.alarms[first]["StateValue"] = "OK"
    assert world.settle() == 2
    assert not world.problems()


def test_a_roll_back_by_an_alarm_names_the_alarm_and_its_value(world: World) -> None:
    world.approve(3)
    assert world.settle() == 1
    attempt = world.records().attempts[-1]
    said = f"rolled back: alarm {attempt.config_name}-5xx: Invocation5XXErrors was 0.5, above 0.05"
    assert (attempt.outcome, attempt.reason) == ("failed", said)
    assert world.sns.subjects == ["version 3 rolled back"]
    assert json.loads(world.wire.asked["publish"]["Message"])["text"] == said


def test_an_alarm_blames_the_version_even_if_capacity_was_short_as_well(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    trip = world.cloudwatch.trip

    def without_capacity(endpoint: dict[str, Any]) -> str:
        trip(endpoint["alarms"][0], 0.5)
        return "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error."

    monkeypatch.setattr(world.sagemaker, "_trouble", without_capacity)
    world.approve(2)
    world.settle()
    assert world.outcomes()[-1] == (2, "failed")


def test_an_alarm_of_an_earlier_rollout_does_not_explain_a_later_one(world: World) -> None:
    world.approve(3)
    world.settle()
    world.sagemaker.behaviour[world.arn(3)] = "broken"
    world.approve(3)
    world.settle()
    assert world.records().attempts[-1].reason.startswith("rolled back: The primary container")


def test_a_bake_that_saw_no_traffic_is_noted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing: dict[str, Any] = {"Datapoints": []}
    monkeypatch.setattr(world.cloudwatch, "get_metric_statistics", lambda **_: nothing)
    world.approve(2)
    assert world.settle() == 2
    attempt = world.records().attempts[-1]
    assert (attempt.outcome, attempt.reason) == ("succeeded", NO_TRAFFIC)
    assert world.sns.subjects == ["version 2 deployed"]


def test_a_rollout_that_waits_for_nothing_says_nothing_of_traffic(world: World) -> None:
    world.declare(rollout={"type": "all_at_once"})
    world.approve(2)
    world.settle()
    assert world.outcomes()[-1] == (2, "succeeded")
    assert "get_metric_statistics" not in world.wire.calls


def test_a_bake_with_traffic_needs_no_word(world: World) -> None:
    world.approve(2)
    world.settle()
    assert world.records().attempts[-1].reason == ""


def test_a_lack_of_gpu_capacity_in_a_rollout_is_waited_for_and_told_as_such(world: World) -> None:
    world.sagemaker.scarce = 1
    world.approve(2)
    assert world.settle() == 1
    assert world.outcomes()[-1] == (2, "capacity")
    assert world.sns.subjects == ["version 2 waits for capacity"]
    world.clock.pass_(301)
    world.heartbeat()
    assert world.settle() == 2


def test_alarms_go_with_their_config(world: World) -> None:
    for _ in range(7):
        world.approve(world.register())
        world.settle()
    assert {alarm["Dimensions"][2]["Value"] for alarm in world.cloudwatch.alarms.values()} == set(
        world.sagemaker.configs
    )
    assert len(world.sagemaker.configs) == KEEP + 1
    world.destroy()
    assert not world.cloudwatch.alarms


def test_logs_tell_endpoint_version_attempt_step_and_why(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[dict[str, Any]] = []
    for module in (wake, reconcile):
        monkeypatch.setattr(module, "log", lambda message, **fields: lines.append({"message": message, **fields}))
    world.approve(2)
    world.run()
    told = [line for line in lines if line["message"] in ("woken", "reconcile")]
    fields = ("message", "endpoint", "version", "attempt", "step", "why")
    assert [tuple(line[field] for field in fields) for line in told] == [
        ("woken", NAME, 2, None, "wake", "Approved"),
        ("reconcile", NAME, 2, 1, "update", "another config"),
    ]
