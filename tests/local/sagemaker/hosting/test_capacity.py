"""Instances that are not to be had, and quotas that are reached."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.sagemaker.hosting.endpoint_maker import EndpointMaker

NO_CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. Please retry using a "
    "different ML instance type or after some time."
)
GPU: dict[str, Any] = {"InstanceType": "ml.g5.xlarge"}


@pytest.fixture
def capacity(maker: EndpointMaker) -> Iterator[Path]:
    file = maker.aws.paths.sagemaker / "capacity.json"
    yield file
    file.unlink(missing_ok=True)


def test_an_endpoint_without_capacity_fails_to_be_created(maker: EndpointMaker, capacity: Path) -> None:
    capacity.write_text('{"ml.g5.xlarge": {"available": 1}}')
    described = maker.settled(maker.endpoint(maker.config_of({"name": "one"}, InitialInstanceCount=2, **GPU)))
    assert (described["EndpointStatus"], described["FailureReason"]) == ("Failed", NO_CAPACITY)
    assert maker.settled(maker.endpoint(maker.config_of({"name": "one"}, **GPU)))["EndpointStatus"] == "InService"


def test_an_update_without_capacity_goes_back_and_succeeds_when_there_is_some(
    maker: EndpointMaker, capacity: Path
) -> None:
    capacity.write_text('{"ml.g5.xlarge": {"available": 1}, "ml.g5.2xlarge": {"available": 0}}')
    before, after = maker.config_of({"name": "one"}, **GPU), maker.config_of({"name": "two"}, **GPU)
    name = maker.endpoint(before)
    maker.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=after)
    described = maker.settled(name)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", before)
    assert described["FailureReason"] == NO_CAPACITY
    assert maker.invoke(name)["model"] == "one"
    capacity.write_text('{"ml.g5.xlarge": {"available": 2}}')
    maker.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=after)
    assert maker.settled(name)["EndpointConfigName"] == after


def test_scaling_beyond_capacity_changes_nothing(maker: EndpointMaker, capacity: Path) -> None:
    capacity.write_text('{"ml.g5.xlarge": {"available": 1}}')
    name = maker.endpoint(maker.config_of({"name": "one"}, **GPU))
    wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 2}]
    maker.sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=wanted)
    described = maker.settled(name)
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    assert described["FailureReason"] == NO_CAPACITY


def test_a_request_over_the_quota_is_refused_and_changes_nothing(maker: EndpointMaker, capacity: Path) -> None:
    capacity.write_text('{"ml.g5.xlarge": {"quota": 3}}')
    config = maker.config_of({"name": "one"}, InitialInstanceCount=2, **GPU)
    name = maker.endpoint(config)
    wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 4}]
    requests: dict[str, dict[str, Any]] = {
        "update_endpoint": {"EndpointName": name, "EndpointConfigName": config},
        "create_endpoint": {"EndpointName": maker.name("more"), "EndpointConfigName": config},
        "update_endpoint_weights_and_capacities": {"EndpointName": name, "DesiredWeightsAndCapacities": wanted},
    }
    refusals = []
    for change, request in requests.items():
        with pytest.raises(ClientError) as refused:
            getattr(maker.sagemaker, change)(**request)
        refusals.append(refused.value.response["Error"])
    message = (
        "The account-level service limit 'ml.g5.xlarge for endpoint usage' is 3 Instances, with current utilization of "
        "2 Instances and a request delta of 2 Instances. Please use AWS Service Quotas to request an increase for this "
        "quota. If AWS Service Quotas is not available, contact AWS support to request an increase for this quota."
    )
    assert [(error["Code"], error["Message"]) for error in refusals] == [("ResourceLimitExceeded", message)] * 3
    described = maker.settled(name)
    assert (described["EndpointStatus"], described["ProductionVariants"][0]["DesiredInstanceCount"]) == ("InService", 2)
    assert [
        found["EndpointName"] for found in maker.sagemaker.list_endpoints(NameContains=maker.prefix)["Endpoints"]
    ] == [name]


@pytest.mark.parametrize("content", ["{", "[]", '{"ml.g5.xlarge": {"available": -1}}', '{"ml.g5.xlarge": {"most": 1}}'])
def test_a_wrong_file_is_named_with_what_it_may_hold(maker: EndpointMaker, capacity: Path, content: str) -> None:
    config = maker.config_of({"name": "one"}, **GPU)
    capacity.write_text(content)
    with pytest.raises(ClientError) as refused:
        maker.sagemaker.create_endpoint(EndpointName=maker.name("endpoint"), EndpointConfigName=config)
    message = refused.value.response["Error"]["Message"]
    assert message.startswith(f"{capacity}: ")
    if content != "{":
        assert message.endswith('write {"INSTANCE TYPE": {"available": COUNT, "quota": COUNT}, …}, counts from 0')
