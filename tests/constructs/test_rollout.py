"""What an endpoint declares of its rollouts is what the approval hook takes."""

from itertools import product

import aws_cdk as cdk
import pytest

from modelyard.constructs.rollout import Rollout
from modelyard.constructs.rollout_alarm import RolloutAlarm, watching
from modelyard.lambdas.serving import alarms as hook_alarms
from modelyard.lambdas.serving import rollouts as hook
from modelyard.lambdas.serving.checks import DeclarationError
from modelyard.settings import ConfigurationError
from modelyard.settings.instances import InstanceType
from modelyard.settings.rollouts import RULES, RolloutPlan

CPU, GPU = InstanceType("ml.m5.large"), InstanceType("ml.g5.xlarge")


def _plans(type: str) -> list[dict[str, int]]:
    """Every mix of values at, within and beyond the bounds of a type."""
    values = [[low - 1, low, (low + high) // 2, high, high + 1] for low, high in RULES[type].values()]
    return [dict(zip(RULES[type], mix, strict=True)) for mix in product(*values)]


@pytest.mark.parametrize("type", RULES)
def test_the_hook_takes_every_rollout_that_can_be_declared_and_no_other(type: str) -> None:
    taken = refused = 0
    for values, instances in product(_plans(type), (2, 7)):
        try:
            rollout = Rollout(type, **values)
            rollout.check(CPU, instances, instances, watched=True)
        except ConfigurationError:
            refused += 1
            with pytest.raises(DeclarationError):
                hook.parse({"type": type, **values}, CPU.name, instances, watched=True, where="rollout")
            continue
        taken += 1
        parsed = hook.parse(rollout.declared(instances), CPU.name, instances, watched=True, where="rollout")
        assert parsed.waits(instances) == rollout.waits(instances)
    assert taken > 2
    assert refused > 2


@pytest.mark.parametrize(
    ("rollout", "declared"),
    [
        (Rollout.all_at_once(), {"type": "all_at_once"}),
        (Rollout.all_at_once(bake=cdk.Duration.minutes(5)), {"type": "all_at_once", "bake_seconds": 300}),
        (
            Rollout.canary(percent=10, wait=cdk.Duration.minutes(5), bake=cdk.Duration.minutes(10)),
            {"type": "canary", "percent": 10, "wait_seconds": 300, "bake_seconds": 600, "timeout_seconds": 2700},
        ),
        (
            Rollout.linear(percent=25, wait=cdk.Duration.minutes(5), timeout=cdk.Duration.hours(1)),
            {"type": "linear", "percent": 25, "wait_seconds": 300, "timeout_seconds": 3600},
        ),
        (
            Rollout.rolling(percent=25, wait=cdk.Duration.minutes(1), rollback_percent=100),
            {"type": "rolling", "percent": 25, "wait_seconds": 60, "rollback_percent": 100, "timeout_seconds": 7440},
        ),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_a_rollout_declares_seconds_and_a_time_out_beyond_its_waits(
    rollout: Rollout, declared: dict[str, str | int]
) -> None:
    assert rollout.declared(4) == declared


@pytest.mark.parametrize(
    ("instance", "fewest", "declared"),
    [
        (GPU, 1, {"type": "all_at_once"}),
        (CPU, 9, {"type": "all_at_once"}),
        (InstanceType("ml.inf2.xlarge"), 9, {"type": "all_at_once"}),
        (GPU, 2, {"type": "rolling", "percent": 50, "wait_seconds": 300, "timeout_seconds": 4200}),
        (GPU, 3, {"type": "rolling", "percent": 34, "wait_seconds": 300, "timeout_seconds": 6300}),
        (GPU, 8, {"type": "rolling", "percent": 25, "wait_seconds": 300, "timeout_seconds": 8400}),
        (GPU, 100, {"type": "rolling", "percent": 25, "wait_seconds": 300, "timeout_seconds": 8400}),
    ],
)
def test_gpus_that_are_scarce_are_replaced_batch_by_batch_unless_told_otherwise(
    instance: InstanceType, fewest: int, declared: dict[str, str | int]
) -> None:
    rollout = Rollout.default(instance, fewest)
    rollout.check(instance, fewest, 100, watched=True)
    assert rollout.declared(fewest) == declared


def test_a_rollout_that_looks_back_is_watched_by_an_alarm_unless_told_otherwise() -> None:
    assert watching(None, Rollout.all_at_once(), CPU) == ()
    for rollout in (Rollout.all_at_once(bake=cdk.Duration.minutes(5)), RolloutPlan("canary", 10, 60)):
        assert watching(None, rollout, CPU) == (RolloutAlarm.invocation_5xx(),)
        assert watching([], rollout, CPU) == ()


def test_the_hook_takes_every_alarm_that_a_factory_makes() -> None:
    made = [
        RolloutAlarm.invocation_5xx(),
        RolloutAlarm.invocation_4xx(rate=0.5),
        RolloutAlarm.model_latency_p99(milliseconds=1.5),
        RolloutAlarm.gpu_memory(percent=190),
    ]
    declared = [alarm.declared() for alarm in watching(made, RolloutPlan(), GPU)]
    assert [spec.name for spec in hook_alarms.parse(declared, "alarms")] == ["5xx", "4xx", "latency", "gpu-memory"]
    assert [alarm["threshold"] for alarm in declared] == [0.05, 0.5, 1500, 190]
