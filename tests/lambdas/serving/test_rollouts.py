"""A declared rollout is SageMaker's DeploymentConfig."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.lambdas.serving.rollouts import Rollout, deployment_config
from modelyard.shapes import service_model

ROLLOUTS: dict[str, tuple[Rollout, dict[str, Any]]] = {
    "canary": (
        Rollout("canary", 10, 300, 200, None, 3600),
        {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {
                    "Type": "CANARY",
                    "WaitIntervalInSeconds": 300,
                    "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
                },
                "TerminationWaitInSeconds": 200,
                "MaximumExecutionTimeoutInSeconds": 3600,
            }
        },
    ),
    "linear": (
        Rollout("linear", 25, 300, 200),
        {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {
                    "Type": "LINEAR",
                    "WaitIntervalInSeconds": 300,
                    "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 25},
                },
                "TerminationWaitInSeconds": 200,
            }
        },
    ),
    "rolling": (
        Rollout("rolling", 25, 300, None, 100, 3600),
        {
            "RollingUpdatePolicy": {
                "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 25},
                "WaitIntervalInSeconds": 300,
                "RollbackMaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 100},
                "MaximumExecutionTimeoutInSeconds": 3600,
            }
        },
    ),
    "all at once": (
        Rollout(bake_seconds=60),
        {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0},
                "TerminationWaitInSeconds": 60,
            }
        },
    ),
}


@pytest.mark.parametrize("name", ROLLOUTS)
def test_a_rollout_is_the_deployment_config_that_sagemaker_takes(name: str) -> None:
    rollout, expected = ROLLOUTS[name]
    assert deployment_config(rollout, []) == expected
    watched = {**expected, "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}, {"AlarmName": "b"}]}}
    assert deployment_config(rollout, ["a", "b"]) == watched
    assert watched.keys() <= service_model("sagemaker").shape_for("DeploymentConfig").members.keys()


def test_all_at_once_without_anything_to_wait_for_is_sagemakers_default() -> None:
    assert deployment_config(Rollout(bake_seconds=0), []) is None


def test_alarms_make_even_all_at_once_a_rollout() -> None:
    config = deployment_config(Rollout(), ["a"])
    assert config and config["AutoRollbackConfiguration"] == {"Alarms": [{"AlarmName": "a"}]}


@pytest.mark.parametrize(
    ("rollout", "instances", "seconds"),
    [
        (Rollout("canary", 10, 300, 200), 1, 500),
        (Rollout("linear", 30, 100, 7), 1, 307),
        (Rollout("rolling", 50, 100), 4, 200),
        (Rollout("rolling", 5, 100), 4, 400),
        (Rollout(bake_seconds=60), 1, 60),
    ],
)
def test_a_rollout_waits_as_often_as_it_has_steps(rollout: Rollout, instances: int, seconds: int) -> None:
    assert rollout.waits(instances) == seconds
