"""Updates that are taken back, by an alarm and by everything else."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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
from tests.local.sagemaker.hosting.test_lives import runs, wait_for
from tests.local.sagemaker.hosting.test_rollouts import BAKING, baking
from tests.local_aws import LocalAws

NO_CAPACITY = "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error."
WAITS = f"Baking for {FOR_EVER} seconds"
GUARDED: list[tuple[dict[str, Any], list[str]]] = [
    (
        blue_green(bake=FOR_EVER),
        [
            "Creating 0/2: Launching 2 instance(s).",
            "ActivatingTraffic 2/2: Activating traffic on full capacity of 2 instance(s).",
            f"Baking 2/2: {WAITS} (TerminationWaitInSeconds) {BAKING} full capacity of 2 instance(s).",
            "ROLLING_BACK",
            "Deleting 2/2: Terminating 2 instance(s).",
        ],
    ),
    (
        canary(percent(50), wait=FOR_EVER),
        [
            "Creating 0/2: Launching 2 instance(s).",
            "ActivatingTraffic 1/2: Activating traffic on canary capacity of 1 instance(s).",
            f"Baking 1/2: {WAITS} (WaitIntervalInSeconds) {BAKING} canary capacity of 1 instance(s).",
            "ROLLING_BACK",
            "Deleting 2/2: Terminating 2 instance(s).",
        ],
    ),
    (
        linear(percent(50), wait=FOR_EVER),
        [
            "Creating 0/2: Launching 2 instance(s).",
            "ActivatingTraffic 1/2: Activating traffic on partial capacity of 1 instance(s).",
            f"Baking 1/2: {WAITS} (WaitIntervalInSeconds) {BAKING} partial capacity of 1 instance(s).",
            "ROLLING_BACK",
            "Deleting 2/2: Terminating 2 instance(s).",
        ],
    ),
    (
        rolling(instances(1), wait=FOR_EVER),
        [
            "Creating 0/2: Launching 1 instance(s).",
            "ActivatingTraffic 1/2: Activating traffic on partial capacity of 1 instance(s).",
            f"Baking 1/2: {WAITS} (WaitIntervalInSeconds) {BAKING} partial capacity of 1 instance(s).",
            "ROLLING_BACK",
            "Deleting 1/2: Terminating 1 instance(s).",
        ],
    ),
]


@pytest.mark.parametrize(("deployment", "stages"), GUARDED)
def test_an_alarm_brings_all_traffic_back_and_is_named(
    maker: EndpointMaker, inbox: Inbox, deployment: dict[str, Any], stages: list[str]
) -> None:
    alarm = make_alarm(maker)
    before = maker.config_of({"name": "old"}, InitialInstanceCount=2)
    name = maker.endpoint(before)
    inbox.story("IN_SERVICE")
    old = {maker.invoke(name)["pid"] for _ in range(2)}
    after = maker.config_of({"name": "new"}, InitialInstanceCount=2)
    maker.sagemaker.update_endpoint(
        EndpointName=name, EndpointConfigName=after, DeploymentConfig=guarded(deployment, make_alarm(maker), alarm)
    )
    wait_for(lambda: baking(maker, name), "it bakes")
    new = {answer["pid"] for answer in (maker.invoke(name) for _ in range(4)) if answer["model"] == "new"}
    assert new
    trip(maker, alarm)
    assert inbox.story("IN_SERVICE") == ["UPDATING", *stages, "IN_SERVICE"]
    described = maker.settled(name)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", before)
    assert described["FailureReason"] == (
        f"The deployment was stopped by CloudWatch alarms in state ALARM. {alarm}: 5 of 5 failed"
    )
    assert "PendingDeploymentSummary" not in described
    assert {maker.invoke(name)["pid"] for _ in range(4)} == old
    wait_for(lambda: not any(runs(pid) for pid in new), "the processes of the new fleet end")


@pytest.fixture
def capacity(maker: EndpointMaker) -> Iterator[Path]:
    file = maker.aws.paths.sagemaker / "capacity.json"
    yield file
    file.unlink(missing_ok=True)


def test_a_rolling_deployment_goes_back_batch_by_batch(maker: EndpointMaker, inbox: Inbox, capacity: Path) -> None:
    before = maker.config_of({"name": "old"}, InitialInstanceCount=3)
    name = maker.endpoint(before)
    inbox.story("IN_SERVICE")
    # The third instance does not start, when two of the old ones are gone.
    capacity.write_text('{"ml.c5.large": {"available": 2}}')
    after = maker.config_of({"name": "new"}, InitialInstanceCount=3, InstanceType="ml.c5.large")
    deployment = rolling(instances(1), RollbackMaximumBatchSize=instances(1))
    maker.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=after, DeploymentConfig=deployment)
    assert inbox.story("IN_SERVICE")[-4:] == [
        "Updating 2/3: Launching 1 instance(s).",
        "ROLLING_BACK",
        "Deleting 1/3: Terminating 1 instance(s).",
        "IN_SERVICE",
    ]
    described = maker.settled(name)
    assert described["EndpointConfigName"] == before
    assert described["FailureReason"].startswith(NO_CAPACITY)
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 3
    answers = [maker.invoke(name) for _ in range(6)]
    assert {answer["model"] for answer in answers} == {"old"}
    assert len({answer["pid"] for answer in answers}) == 3


@pytest.mark.parametrize("then", ["update", "delete"])
def test_a_rollback_that_finds_no_capacity_leaves_a_mix(
    maker: EndpointMaker, inbox: Inbox, capacity: Path, then: str
) -> None:
    before = maker.config_of({"name": "old"}, InitialInstanceCount=3, InstanceType="ml.c5.xlarge")
    after = maker.config_of({"name": "new"}, InitialInstanceCount=3, InstanceType="ml.c5.large")
    name = maker.endpoint(before)
    inbox.story("IN_SERVICE")
    # One new instance starts, the second does not; nor does the old one whose place the first has taken.
    capacity.write_text('{"ml.c5.large": {"available": 1}, "ml.c5.xlarge": {"available": 2}}')
    maker.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=after, DeploymentConfig=rolling(instances(1)))
    assert inbox.story("UPDATE_ROLLBACK_FAILED")[-2:] == ["ROLLING_BACK", "UPDATE_ROLLBACK_FAILED"]
    described = maker.settled(name)
    assert described["EndpointConfigName"] == before
    assert described["FailureReason"].startswith(NO_CAPACITY)
    assert f"The old fleet could not be restored: {NO_CAPACITY}" in described["FailureReason"]
    (variant,) = described["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (3, 3)
    assert sorted(maker.invoke(name)["model"] for _ in range(12)) == ["new"] * 4 + ["old"] * 8
    capacity.unlink()
    if then == "delete":
        maker.sagemaker.delete_endpoint(EndpointName=name)
        maker.gone(name)
        return
    maker.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=before)
    described = maker.settled(name)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", before)
    assert "FailureReason" not in described
    assert {maker.invoke(name)["model"] for _ in range(6)} == {"old"}


def test_a_process_that_dies_while_it_bakes_rolls_back(maker: EndpointMaker) -> None:
    before = maker.config_of({"name": "old"})
    name = maker.endpoint(before)
    maker.sagemaker.update_endpoint(
        EndpointName=name,
        EndpointConfigName=maker.config_of({"name": "new"}),
        DeploymentConfig=blue_green(bake=FOR_EVER),
    )
    wait_for(lambda: baking(maker, name), "it bakes")
    os.kill(maker.invoke(name)["pid"], signal.SIGKILL)
    described = maker.settled(name)
    assert described["EndpointConfigName"] == before
    assert described["FailureReason"] == (
        "The primary container for production variant AllTraffic ended or did not answer its health checks during the "
        "deployment. Please check CloudWatch logs for this endpoint."
    )
    assert maker.invoke(name)["model"] == "old"


def test_a_deployment_that_takes_too_long_rolls_back(fast_maker: EndpointMaker, tmp_path: Path) -> None:
    before = fast_maker.config_of({"name": "old"})
    name = fast_maker.endpoint(before)
    policy = blue_green()["BlueGreenUpdatePolicy"]
    fast_maker.sagemaker.update_endpoint(
        EndpointName=name,
        EndpointConfigName=fast_maker.config_of({"name": "new", "waits_for": str(tmp_path / "never")}),
        DeploymentConfig={"BlueGreenUpdatePolicy": {**policy, "MaximumExecutionTimeoutInSeconds": 600}},
    )
    described = fast_maker.settled(name)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", before)
    assert described["FailureReason"] == (
        "The deployment did not finish within the 600 seconds of MaximumExecutionTimeoutInSeconds."
    )
    assert fast_maker.invoke(name)["model"] == "old"


def test_a_deployment_begins_anew_after_a_restart_and_can_still_be_taken_back(own_local_aws: LocalAws) -> None:
    maker = EndpointMaker(own_local_aws)
    alarm = make_alarm(maker)
    before = maker.config_of({"name": "old"}, InitialInstanceCount=2)
    name = maker.endpoint(before)
    maker.sagemaker.update_endpoint(
        EndpointName=name,
        EndpointConfigName=maker.config_of({"name": "new"}, InitialInstanceCount=2),
        DeploymentConfig=guarded(rolling(instances(1), wait=FOR_EVER), alarm),
    )
    wait_for(lambda: baking(maker, name), "the first batch bakes")
    own_local_aws.down()
    again = EndpointMaker(own_local_aws.up())
    assert again.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Updating"
    wait_for(lambda: [again.invoke(name)["model"] for _ in range(4)].count("new") == 2, "half of it is new")
    trip(again, alarm)
    described = again.settled(name)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", before)
    assert alarm in described["FailureReason"]
    assert len({again.invoke(name)["pid"] for _ in range(4)}) == 2


def test_a_roll_back_is_complete_after_a_restart_and_keeps_its_reason(own_local_aws: LocalAws, tmp_path: Path) -> None:
    maker, go = EndpointMaker(own_local_aws), tmp_path / "go"
    go.touch()
    (own_local_aws.paths.sagemaker / "capacity.json").write_text('{"ml.c5.large": {"available": 1}}')
    before = maker.config_of({"name": "old", "waits_for": str(go)}, InitialInstanceCount=2)
    after = maker.config_of({"name": "new"}, InitialInstanceCount=2, InstanceType="ml.c5.large")
    name = maker.endpoint(before)
    # The second new instance does not start, and the old one that is to return waits.
    go.unlink()
    maker.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=after, DeploymentConfig=rolling(instances(1)))
    wait_for(lambda: status(maker, name) == "RollingBack", "it rolls back")
    own_local_aws.down()
    go.touch()
    again = EndpointMaker(own_local_aws.up())
    described = again.settled(name)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", before)
    assert described["FailureReason"].startswith(NO_CAPACITY)
    assert "PendingDeploymentSummary" not in described
    answers = [again.invoke(name) for _ in range(4)]
    assert {answer["model"] for answer in answers} == {"old"}
    assert len({answer["pid"] for answer in answers}) == 2


def status(maker: EndpointMaker, name: str) -> str:
    return str(maker.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"])
