"""The AWS in memory is as good as what it leaves out: here the same story is told to it and to the local AWS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore import xform_name

from tests.lambdas.serving.fake.world import NAME, WATCHED, World
from tests.lambdas.serving.hook import Stage

_AT_ONCE = {**WATCHED, "rollout": {"type": "canary", "percent": 50, "wait_seconds": 0, "bake_seconds": 0}}
_STORY = [("approve", 1), ("approve", 2), ("approve", 3), ("reject", 2), ("another type", 0), ("destroy", 0)]
_OTHER_TYPE: dict[str, Any] = {
    "instance_type": "ml.c5.large",
    "scaling": {"min": 2, "max": 3, "invocations_per_instance": 50},
}


def _in_memory() -> Iterator[dict[str, Any]]:
    world = World(dict(_AT_ONCE))
    world.declare()
    for behaviour in ("good", "good", "broken"):
        world.register(behaviour)
    for verb, version in _STORY:
        if verb == "another type":
            world.declare(**_OTHER_TYPE)
        elif verb == "destroy":
            world.destroy()
        else:
            getattr(world, verb)(version)
        world.settle()
        world.heartbeat()
        served = world.settle()
        targets = world.sagemaker.scaling.targets.values()
        yield {
            "served": str(served or "Absent"),
            "outcomes": world.outcomes(),
            "configs": len(world.sagemaker.configs),
            "alarms": sorted(name.rpartition("-")[2] for name in world.cloudwatch.alarms),
            "bounds": [(target["MinCapacity"], target["MaxCapacity"]) for target in targets],
            "count": world.sagemaker.endpoints.get(NAME, {}).get("count"),
            "notifications": list(world.sns.subjects),
            "calls": set(world.wire.calls),
        }
        world.sns.subjects.clear()
        world.wire.calls.clear()


def _locally(stage: Stage) -> Iterator[dict[str, Any]]:
    project = stage.endpoint("agreed", **_AT_ONCE)
    project.declare()
    for broken in (False, False, True):
        project.register(**({"BROKEN": "1"} if broken else {}))
    aws, calls = stage.aws, set[str]()
    for verb, version in _STORY:
        if verb == "another type":
            project.declare("Update", **_OTHER_TYPE)
        elif verb == "destroy":
            project.destroy()
        else:
            getattr(project, verb)(version)
        project.settle()
        stage.heartbeat()
        served = project.settle()
        calls = {xform_name(call) for call in stage.counted()}
        resource = f"endpoint/{project.name}/variant/AllTraffic"
        found = aws.client("application-autoscaling").describe_scalable_targets(
            ServiceNamespace="sagemaker", ResourceIds=[resource]
        )
        alarms = aws.client("cloudwatch").describe_alarms(AlarmNamePrefix=project.name)["MetricAlarms"]
        there = served != "Absent"
        variants = project.sagemaker.describe_endpoint(EndpointName=project.name)["ProductionVariants"] if there else []
        yield {
            "served": served,
            "outcomes": project.outcomes(),
            "configs": len(project.artifacts()[0]),
            "alarms": sorted(alarm["AlarmName"].rpartition("-")[2] for alarm in alarms),
            "bounds": [(target["MinCapacity"], target["MaxCapacity"]) for target in found["ScalableTargets"]],
            "count": variants[0]["DesiredInstanceCount"] if variants else None,
            "notifications": stage.notifications(),
            "calls": calls,
        }


def test_the_aws_in_memory_and_the_local_aws_tell_the_same_story(stage: Stage) -> None:
    for step, local, in_memory in zip(_STORY, _locally(stage), _in_memory(), strict=True):
        # Who sets the number of instances first, the hook or Application Auto Scaling itself, is a matter of moments.
        for calls in (local["calls"], in_memory["calls"]):
            calls -= {"update_endpoint_weights_and_capacities", "change_message_visibility"}
        assert local == in_memory, f"after {step}"
