"""Which DeploymentConfigs are accepted, and the steps they ask for."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.local.sagemaker.errors import ValidationException
from modelyard.local.sagemaker.hosting.plans import VariantPlan
from modelyard.local.sagemaker.hosting.policy import policy_of
from tests.local.sagemaker.hosting.deployment import blue_green, canary, guarded, instances, linear, percent, rolling


def plan(count: int, name: str = "A", instance_type: str = "ml.m5.large") -> VariantPlan:
    return VariantPlan(name, "image", instance_type, count, 1.0, {}, "role", False, None)


def with_timeout(seconds: int, config: dict[str, Any]) -> dict[str, Any]:
    return {policy: {**given, "MaximumExecutionTimeoutInSeconds": seconds} for policy, given in config.items()}


STEPS: list[tuple[dict[str, Any], int, list[tuple[float, int, int]]]] = [
    ({}, 3, [(1.0, 3, 0)]),
    (blue_green(wait=60, bake=300), 3, [(1.0, 3, 300)]),
    (canary(percent(10), wait=60, bake=300), 1, [(0.1, 1, 60), (1.0, 1, 300)]),
    (canary(instances(1), wait=60), 4, [(0.25, 1, 60), (1.0, 4, 0)]),
    (linear(percent(30), wait=5, bake=9), 10, [(0.3, 3, 5), (0.6, 6, 5), (0.9, 9, 5), (1.0, 10, 9)]),
    (linear(percent(50), wait=5), 2, [(0.5, 1, 5), (1.0, 2, 0)]),
    (linear(instances(2), wait=5), 4, [(0.5, 2, 5), (1.0, 4, 0)]),
    (rolling(percent(40), wait=7), 5, [(0.4, 2, 7), (0.8, 4, 7), (1.0, 5, 7)]),
    (rolling(percent(5), wait=7), 2, [(0.5, 1, 7), (1.0, 2, 7)]),
    (rolling(percent(50), wait=7), 1, [(1.0, 1, 7)]),
    (rolling(instances(1)), 2, [(0.5, 1, 0), (1.0, 2, 0)]),
]


@pytest.mark.parametrize(("config", "count", "steps"), STEPS)
def test_a_policy_has_these_steps_of_share_instances_and_wait(
    config: dict[str, Any], count: int, steps: list[tuple[float, int, int]]
) -> None:
    plans = [plan(count)]
    found = policy_of(config, plans).steps
    assert [(round(step.share, 9), step.active(plans)["A"], step.seconds) for step in found] == steps


CANARY, LINEAR = "TrafficRoutingConfiguration.CanarySize", "TrafficRoutingConfiguration.LinearStepSize"
BATCH = "RollingUpdatePolicy.MaximumBatchSize"
REFUSED: list[tuple[dict[str, Any], int, str]] = [
    (canary(percent(51)), 4, f"{CANARY} is 51 percent of the capacity; it must be from 1 to 50."),
    (linear(percent(9)), 4, f"{LINEAR} is 9 percent of the capacity; it must be from 10 to 50."),
    (linear(percent(60)), 4, f"{LINEAR} is 60 percent of the capacity; it must be from 10 to 50."),
    (rolling(percent(4)), 4, f"{BATCH} is 4 percent of the capacity; it must be from 5 to 50."),
    (
        rolling(percent(5), RollbackMaximumBatchSize=percent(101)),
        4,
        "RollingUpdatePolicy.RollbackMaximumBatchSize is 101 percent of the capacity; it must be from 5 to 100.",
    ),
    (
        canary(instances(3)),
        4,
        f"{CANARY} is 3 of the 4 instances of the production variant A; it must be from 1 to 50 percent of them: from "
        "1 to 2.",
    ),
    (
        linear(instances(1)),
        20,
        f"{LINEAR} is 1 of the 20 instances of the production variant A; it must be from 10 to 50 percent of them: "
        "from 2 to 10.",
    ),
    (
        canary(instances(1)),
        1,
        f"{CANARY} is an INSTANCE_COUNT, and the production variant A has 1 instance(s): at least 2 instances are "
        "needed, or a CAPACITY_PERCENT.",
    ),
    (blue_green("CANARY"), 2, f"{CANARY} is required for the Type CANARY."),
    (blue_green("LINEAR"), 2, f"{LINEAR} is required for the Type LINEAR."),
    (blue_green(CanarySize=percent(5)), 2, f"{CANARY} must not be given for the Type ALL_AT_ONCE."),
    (blue_green("CANARY", LinearStepSize=percent(10)), 2, f"{CANARY} is required for the Type CANARY."),
    (
        {**blue_green(), **rolling(percent(5))},
        2,
        "DeploymentConfig has a BlueGreenUpdatePolicy and a RollingUpdatePolicy: only one may be given.",
    ),
    (
        with_timeout(600, canary(percent(10), wait=300, bake=300)),
        1,
        "MaximumExecutionTimeoutInSeconds is 600; it must be larger than the 600 seconds that the deployment waits in "
        "all.",
    ),
    (
        with_timeout(700, rolling(percent(50), wait=400)),
        2,
        "MaximumExecutionTimeoutInSeconds is 700; it must be larger than the 800 seconds that the deployment waits in "
        "all.",
    ),
]


@pytest.mark.parametrize(("config", "count", "message"), REFUSED)
def test_a_policy_that_breaks_a_rule_of_sagemaker_is_refused(config: dict[str, Any], count: int, message: str) -> None:
    with pytest.raises(ValidationException) as refused:
        policy_of(config, [plan(count)])
    assert refused.value.message == message


def test_a_rolling_deployment_is_for_one_variant() -> None:
    with pytest.raises(ValidationException, match="cannot be used with several production variants; there are 2"):
        policy_of(rolling(percent(5)), [plan(2, "A"), plan(2, "B")])


def test_inferentia_1_gets_all_traffic_at_once_and_unguarded() -> None:
    config = guarded(canary(percent(10), wait=60, bake=60), "alarm")
    policy = policy_of(config, [plan(2, instance_type="ml.inf1.xlarge")])
    assert [(step.share, step.seconds) for step in policy.steps] == [(1.0, 0)]
    assert policy.alarms == ()
