"""Updates that succeed: every policy, stage by stage."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.sagemaker.hosting.deployment import (
    FOR_EVER,
    blue_green,
    canary,
    guarded,
    instances,
    linear,
    make_alarm,
    percent,
    rolling,
    trip,
)
from tests.local.sagemaker.hosting.endpoint_maker import EndpointMaker
from tests.local.sagemaker.hosting.inbox import Inbox
from tests.local.sagemaker.hosting.test_lives import wait_for

BAKING = "with traffic enabled on"
STORIES: list[tuple[dict[str, Any], int, list[str]]] = [
    (
        blue_green(bake=30),
        1,
        [
            "Creating 0/1: Launching 1 instance(s).",
            "ActivatingTraffic 1/1: Activating traffic on full capacity of 1 instance(s).",
            f"Baking 1/1: Baking for 30 seconds (TerminationWaitInSeconds) {BAKING} full capacity of 1 instance(s).",
        ],
    ),
    (
        canary(percent(10), wait=60, bake=30),
        2,
        [
            "Creating 0/2: Launching 2 instance(s).",
            "ActivatingTraffic 1/2: Activating traffic on canary capacity of 1 instance(s).",
            f"Baking 1/2: Baking for 60 seconds (WaitIntervalInSeconds) {BAKING} canary capacity of 1 instance(s).",
            "ActivatingTraffic 2/2: Activating traffic on full capacity of 2 instance(s).",
            f"Baking 2/2: Baking for 30 seconds (TerminationWaitInSeconds) {BAKING} full capacity of 2 instance(s).",
        ],
    ),
    (
        linear(instances(1), wait=60),
        2,
        [
            "Creating 0/2: Launching 2 instance(s).",
            "ActivatingTraffic 1/2: Activating traffic on partial capacity of 1 instance(s).",
            f"Baking 1/2: Baking for 60 seconds (WaitIntervalInSeconds) {BAKING} partial capacity of 1 instance(s).",
            "ActivatingTraffic 2/2: Activating traffic on full capacity of 2 instance(s).",
        ],
    ),
    (
        rolling(instances(1), wait=60),
        2,
        [
            "Creating 0/2: Launching 1 instance(s).",
            "ActivatingTraffic 1/2: Activating traffic on partial capacity of 1 instance(s).",
            f"Baking 1/2: Baking for 60 seconds (WaitIntervalInSeconds) {BAKING} partial capacity of 1 instance(s).",
            "Updating 1/2: Launching 1 instance(s).",
            "ActivatingTraffic 2/2: Activating traffic on full capacity of 2 instance(s).",
            f"Baking 2/2: Baking for 60 seconds (WaitIntervalInSeconds) {BAKING} full capacity of 2 instance(s).",
        ],
    ),
]


@pytest.mark.parametrize(("deployment", "count", "stages"), STORIES)
def test_a_deployment_goes_through_its_stages_in_order(
    fast_maker: EndpointMaker, fast_inbox: Inbox, deployment: dict[str, Any], count: int, stages: list[str]
) -> None:
    before = fast_maker.config_of({"name": "one"}, InitialInstanceCount=count)
    after = fast_maker.config_of({"name": "two"}, InitialInstanceCount=count)
    name = fast_maker.endpoint(before)
    fast_inbox.story("IN_SERVICE")
    given = guarded(deployment, make_alarm(fast_maker))
    fast_maker.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=after, DeploymentConfig=given)
    assert fast_inbox.story("IN_SERVICE") == ["UPDATING", *stages, "IN_SERVICE"]
    described = fast_maker.settled(name)
    assert described["EndpointConfigName"] == after
    assert described["LastDeploymentConfig"] == given
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == count
    assert "PendingDeploymentSummary" not in described
    assert {fast_maker.invoke(name)["model"] for _ in range(4)} == {"two"}


def test_a_canary_has_its_share_and_is_described_while_it_bakes(maker: EndpointMaker) -> None:
    alarm = make_alarm(maker)
    before = maker.config_of({"name": "old"}, InitialInstanceCount=2)
    after = maker.config_of({"name": "new"}, InitialInstanceCount=2)
    name = maker.endpoint(before)
    maker.sagemaker.update_endpoint(
        EndpointName=name,
        EndpointConfigName=after,
        DeploymentConfig=guarded(canary(percent(25), wait=FOR_EVER), alarm),
    )
    wait_for(lambda: baking(maker, name), "the canary bakes")
    answers = [maker.invoke(name)["model"] for _ in range(40)]
    assert answers.count("new") == 10
    described = maker.sagemaker.describe_endpoint(EndpointName=name)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("Updating", before)
    (live,) = described["ProductionVariants"]
    assert (live["CurrentWeight"], live["CurrentInstanceCount"]) == (1.0, 2)
    pending = described["PendingDeploymentSummary"]
    assert pending["EndpointConfigName"] == after
    (variant,) = pending["ProductionVariants"]
    assert variant["VariantStatus"][0]["Status"] == "Baking"
    shown = ("CurrentWeight", "DesiredWeight", "CurrentInstanceCount", "DesiredInstanceCount")
    assert [variant[member] for member in shown] == [1.0, 1.0, 1, 2]
    wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 1}]
    changes: dict[str, dict[str, Any]] = {
        "update_endpoint": {"EndpointConfigName": before},
        "delete_endpoint": {},
        "update_endpoint_weights_and_capacities": {"DesiredWeightsAndCapacities": wanted},
    }
    for change, more in changes.items():
        with pytest.raises(ClientError) as refused:
            getattr(maker.sagemaker, change)(EndpointName=name, **more)
        assert refused.value.response["Error"]["Message"] == (
            f'Cannot update in-progress endpoint "{described["EndpointArn"]}".'
        )
    trip(maker, alarm)


def baking(maker: EndpointMaker, name: str) -> bool:
    """Whether a fleet of the endpoint bakes; an endpoint that is not updated any more fails the test."""
    described = maker.sagemaker.describe_endpoint(EndpointName=name)
    assert described["EndpointStatus"] == "Updating", described.get("FailureReason")
    (variant,) = described["PendingDeploymentSummary"]["ProductionVariants"]
    return bool(variant["VariantStatus"][0]["Status"] == "Baking")


def test_the_share_holds_for_each_of_several_variants(maker: EndpointMaker) -> None:
    alarm = make_alarm(maker)
    before, after = (
        maker.config(*(maker.model({"name": f"{variant}-{age}"}) for variant in ("a", "b"))) for age in ("old", "new")
    )
    name = maker.endpoint(before)
    maker.sagemaker.update_endpoint(
        EndpointName=name,
        EndpointConfigName=after,
        DeploymentConfig=guarded(canary(percent(50), wait=FOR_EVER), alarm),
    )

    def bakes() -> bool:
        pending = maker.sagemaker.describe_endpoint(EndpointName=name)["PendingDeploymentSummary"]
        return all(variant["VariantStatus"][0]["Status"] == "Baking" for variant in pending["ProductionVariants"])

    wait_for(bakes, "both variants bake")
    answered = Counter(maker.invoke(name)["model"] for _ in range(16))
    assert answered == {"a-old": 4, "a-new": 4, "b-old": 4, "b-new": 4}
    targeted = Counter(maker.invoke(name, TargetVariant="v1")["model"] for _ in range(8))
    assert targeted == {"b-old": 4, "b-new": 4}
    trip(maker, alarm)


def test_a_rolling_deployment_replaces_instance_by_instance(maker: EndpointMaker) -> None:
    alarm = make_alarm(maker)
    name = maker.endpoint(maker.config_of({"name": "old"}, InitialInstanceCount=2))
    old = {maker.invoke(name)["pid"] for _ in range(2)}
    after = maker.config_of({"name": "new"}, InitialInstanceCount=2)
    maker.sagemaker.update_endpoint(
        EndpointName=name,
        EndpointConfigName=after,
        DeploymentConfig=guarded(rolling(percent(50), wait=FOR_EVER), alarm),
    )
    wait_for(lambda: baking(maker, name), "the first batch bakes")
    answers = [maker.invoke(name) for _ in range(20)]
    assert [answer["model"] for answer in answers].count("new") == 10
    assert len({answer["pid"] for answer in answers if answer["model"] == "new"}) == 1
    assert {answer["pid"] for answer in answers if answer["model"] == "old"} == old
    trip(maker, alarm)


UNDER_LOAD = [
    canary(percent(10), wait=60, bake=60),
    linear(percent(25), wait=30),
    rolling(instances(1), wait=60),
    rolling(percent(50)),
    {},
]


def test_no_request_fails_whatever_the_deployment(fast_maker: EndpointMaker) -> None:
    name = fast_maker.endpoint(fast_maker.config_of({"name": "-1"}, InitialInstanceCount=2))
    seen: list[str] = []
    failures: list[Exception] = []
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            try:
                seen.append(fast_maker.invoke(name, b"sleep 0.01")["model"])
            except Exception as error:
                failures.append(error)

    callers = [threading.Thread(target=ask) for _ in range(3)]
    for caller in callers:
        caller.start()
    try:
        for number, deployment in enumerate(UNDER_LOAD):
            config = fast_maker.config_of({"name": str(number)}, InitialInstanceCount=2)
            fast_maker.sagemaker.update_endpoint(
                EndpointName=name, EndpointConfigName=config, DeploymentConfig=deployment
            )
            assert fast_maker.settled(name)["EndpointConfigName"] == config
    finally:
        ended.set()
        for caller in callers:
            caller.join()
    assert failures == []
    assert set(seen) <= {str(number) for number in range(-1, len(UNDER_LOAD))} and len(seen) > len(callers)


@pytest.mark.parametrize("deployment", [blue_green(), rolling(instances(1))])
def test_a_request_under_way_is_answered_by_the_instance_that_has_it(
    maker: EndpointMaker, tmp_path: Path, deployment: dict[str, Any]
) -> None:
    release = tmp_path / "release"
    name = maker.endpoint(maker.config_of({"name": "old"}, InitialInstanceCount=2))
    with ThreadPoolExecutor(max_workers=1) as pool:
        held = pool.submit(maker.invoke, name, f"hold {release}".encode())
        try:
            wait_for(release.with_suffix(".held").exists, "the model has the request")
            after = maker.config_of({"name": "new"}, InitialInstanceCount=2)
            maker.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=after, DeploymentConfig=deployment)
            wait_for(lambda: maker.invoke(name)["model"] == "new", "the new fleet answers")
            assert not held.done()
        finally:
            release.touch()
        assert held.result()["model"] == "old"
    assert maker.settled(name)["EndpointConfigName"] == after


def test_the_last_deployment_is_done_again_when_it_is_retained(fast_maker: EndpointMaker, fast_inbox: Inbox) -> None:
    configs = [fast_maker.config_of({"name": str(number)}) for number in range(4)]
    name = fast_maker.endpoint(configs[0])
    fast_inbox.story("IN_SERVICE")
    ways: list[dict[str, Any]] = [{"DeploymentConfig": canary(percent(10))}, {"RetainDeploymentConfig": True}, {}]
    stages = []
    for config, how in zip(configs[1:], ways, strict=True):
        fast_maker.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config, **how)
        stages.append(len(fast_inbox.story("IN_SERVICE")))
    assert stages == [5, 5, 4]
    assert "LastDeploymentConfig" not in fast_maker.settled(name)


def test_capacity_is_retained_through_a_deployment(fast_maker: EndpointMaker) -> None:
    name = fast_maker.endpoint(fast_maker.config_of({"name": "one"}))
    wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 2, "DesiredWeight": 5.0}]
    fast_maker.sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=wanted)
    fast_maker.settled(name)
    fast_maker.sagemaker.update_endpoint(
        EndpointName=name,
        EndpointConfigName=fast_maker.config_of({"name": "two"}),
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredWeight"}],
        DeploymentConfig=rolling(instances(1)),
    )
    (variant,) = fast_maker.settled(name)["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["CurrentWeight"]) == (2, 1.0)
    assert len({fast_maker.invoke(name)["pid"] for _ in range(4)}) == 2


def test_what_a_deployment_needs_is_checked_before_it_begins(maker: EndpointMaker) -> None:
    config = maker.config_of({"name": "one"})
    name = maker.endpoint(config)
    renamed = maker.config_of({"name": "two"}, VariantName="Other")
    for request, message in (
        (
            {"EndpointConfigName": config, "DeploymentConfig": guarded(blue_green(), "no-such-alarm")},
            "Could not find the CloudWatch alarms of AutoRollbackConfiguration: ['no-such-alarm'].",
        ),
        (
            {"EndpointConfigName": renamed, "DeploymentConfig": blue_green()},
            "With a DeploymentConfig the new endpoint configuration must have the production variants of the old one: "
            "['AllTraffic'], not ['Other'].",
        ),
        (
            {"EndpointConfigName": config, "DeploymentConfig": blue_green(wait=3601)},
            "3600",
        ),
        (
            {"EndpointConfigName": config, "DeploymentConfig": guarded(blue_green(), *map(str, range(11)))},
            "10",
        ),
    ):
        with pytest.raises(ClientError) as refused:
            maker.sagemaker.update_endpoint(EndpointName=name, **request)
        assert refused.value.response["Error"]["Code"] == "ValidationException"
        assert message in refused.value.response["Error"]["Message"]
    assert maker.settled(name)["EndpointStatus"] == "InService"
