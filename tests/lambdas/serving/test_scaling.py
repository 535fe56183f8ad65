"""Scaling: registered once in service, kept over a model change, and gone when it is no longer declared."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lambdas.serving.fake.world import NAME, World

SCALING: dict[str, Any] = {"min": 1, "max": 4, "invocations_per_instance": 100, "scale_out_cooldown_seconds": 60}
RESOURCE = f"endpoint/{NAME}/variant/AllTraffic"


@pytest.fixture
def world() -> World:
    """A scaled endpoint that serves version 1; version 2 works as well."""
    world = World({"scaling": SCALING})
    world.declare()
    world.register()
    world.register()
    world.approve(1)
    world.settle()
    world.wire.calls.clear()
    return world


def bounds(world: World) -> list[tuple[int, int]]:
    return [(target["MinCapacity"], target["MaxCapacity"]) for target in world.sagemaker.scaling.targets.values()]


def count(world: World) -> int:
    return int(world.sagemaker.endpoints[NAME]["count"])


def test_in_service_a_target_and_a_policy_on_invocations_per_instance_are_registered(world: World) -> None:
    assert bounds(world) == [(1, 4)]
    policy = world.sagemaker.scaling.policies[RESOURCE]
    assert policy["ScalableDimension"] == "sagemaker:variant:DesiredInstanceCount"
    assert policy["TargetTrackingScalingPolicyConfiguration"] == {
        "TargetValue": 100.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        "ScaleInCooldown": 300,
        "ScaleOutCooldown": 60,
    }


def test_what_is_registered_as_declared_is_not_registered_again(world: World) -> None:
    world.heartbeat()
    world.settle()
    assert {"describe_scalable_targets", "describe_scaling_policies"} <= set(world.wire.calls)
    assert not {"register_scalable_target", "put_scaling_policy"} & set(world.wire.calls)


def test_a_model_change_keeps_the_capacity_and_the_target(world: World) -> None:
    world.sagemaker.endpoints[NAME]["count"] = 3
    world.approve(2)
    assert (world.settle(), count(world), bounds(world)) == (2, 3, [(1, 4)])
    assert not {"register_scalable_target", "deregister_scalable_target"} & set(world.wire.calls)


def test_without_scaling_an_update_takes_the_declared_number_of_instances(world: World) -> None:
    plain = World({"instance_count": 2})
    plain.declare()
    plain.approve(plain.register())
    plain.settle()
    plain.sagemaker.endpoints[NAME]["count"] = 5
    plain.approve(plain.register())
    plain.settle()
    assert count(plain) == 2


@pytest.mark.parametrize(("before", "after"), [(1, 2), (4, 3), (3, 3)])
def test_the_number_of_instances_is_brought_within_new_bounds(world: World, before: int, after: int) -> None:
    world.sagemaker.endpoints[NAME]["count"] = before
    world.declare(scaling={**SCALING, "min": 2, "max": 3})
    world.settle()
    assert (bounds(world), count(world)) == ([(2, 3)], after)


def test_another_target_value_changes_the_policy_alone(world: World) -> None:
    world.declare(scaling={**SCALING, "invocations_per_instance": 50})
    world.settle()
    policy = world.sagemaker.scaling.policies[RESOURCE]["TargetTrackingScalingPolicyConfiguration"]
    assert policy["TargetValue"] == 50.0
    assert "register_scalable_target" not in world.wire.calls


def test_another_instance_type_is_deployed_between_deregistration_and_registration(world: World) -> None:
    world.declare(instance_type="ml.c5.large")
    assert world.settle() == 1
    calls = world.wire.calls
    order = [
        calls.index(name) for name in ("deregister_scalable_target", "update_endpoint", "register_scalable_target")
    ]
    assert order == sorted(order)
    assert "RetainAllVariantProperties" not in world.wire.asked["update_endpoint"]
    assert bounds(world) == [(1, 4)]


def test_an_update_that_found_no_capacity_leaves_the_old_instances_scaled(world: World) -> None:
    world.sagemaker.scarce = 1
    world.declare(instance_type="ml.g5.xlarge")
    world.settle()
    world.heartbeat()
    world.settle()
    assert (world.outcomes()[-1], bounds(world)) == ((1, "capacity"), [(1, 4)])


def test_scaling_that_is_no_longer_declared_goes_and_the_declared_number_of_instances_comes_back(world: World) -> None:
    world.sagemaker.endpoints[NAME]["count"] = 4
    world.declare(scaling=None, instance_count=1)
    world.settle()
    assert (bounds(world), count(world)) == ([], 1)
    assert not world.sagemaker.scaling.policies


def test_the_target_goes_with_the_endpoint(world: World) -> None:
    world.destroy()
    assert bounds(world) == []
    assert not world.problems()


def test_a_paused_endpoint_is_not_scaled_otherwise(world: World) -> None:
    world.ledger.hold(NAME, at=world.now(), by="me", reason="audit")
    world.declare(scaling={**SCALING, "max": 2})
    world.settle()
    assert bounds(world) == [(1, 4)]
