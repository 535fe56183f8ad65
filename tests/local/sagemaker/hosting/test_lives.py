"""The processes behind an endpoint: kept alive, never left behind, and back after a restart."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from modelyard.local.sagemaker.jobs.images import register_image
from tests.local.sagemaker.hosting.endpoint_maker import IMAGE, EndpointMaker
from tests.local_aws import LocalAws


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def files(maker: EndpointMaker) -> set[Path]:
    """What instances of endpoints have on disk."""
    return set((maker.aws.paths.sagemaker / "endpoints").glob("*"))


def test_a_process_that_dies_is_started_again(maker: EndpointMaker) -> None:
    name = maker.endpoint(maker.config_of({"name": "one"}))
    pid = maker.invoke(name)["pid"]
    instance = maker.aws.instance
    impatient = boto3.client(
        "sagemaker-runtime",
        endpoint_url=maker.aws.url,
        region_name=maker.aws.region,
        aws_access_key_id=instance.access_key,
        aws_secret_access_key=instance.secret_key,
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(ClientError) as refused:
        impatient.invoke_endpoint(EndpointName=name, Body=b"die")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert refused.value.response["Error"] == {
        "Code": "ServiceUnavailable",
        "Message": f"Amazon SageMaker could not get a response from the {name} endpoint. Its server process is being "
        "started again; see its logs in Amazon CloudWatch Logs.",
    }
    wait_for(lambda: bool(maker.invoke(name)["pid"] != pid), "another process answers")
    assert maker.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService"


def test_deleting_and_failing_leave_no_process_and_no_files(maker: EndpointMaker) -> None:
    before = files(maker)
    name = maker.endpoint(maker.config_of({"name": "one"}))
    pid = maker.invoke(name)["pid"]
    failed = maker.endpoint(maker.config_of({"fails_to_load": True}))
    for endpoint in (name, failed):
        maker.sagemaker.delete_endpoint(EndpointName=endpoint)
        maker.gone(endpoint)
    assert not runs(pid)
    assert files(maker) == before


def test_processes_end_with_the_server_and_answer_again_after_up(own_local_aws: LocalAws) -> None:
    maker = EndpointMaker(own_local_aws)
    name = maker.endpoint(maker.config_of({"name": "one"}))
    pid = maker.invoke(name)["pid"]
    own_local_aws.down()
    assert not runs(pid)
    own_local_aws.up()
    again = own_local_aws.client("sagemaker-runtime").invoke_endpoint(EndpointName=name, Body=b"1")
    assert b'"model": "one"' in again["Body"].read()
    described = own_local_aws.client("sagemaker").describe_endpoint(EndpointName=name)
    assert described["EndpointStatus"] == "InService"


def test_what_was_under_way_goes_on_after_up(own_local_aws: LocalAws, tmp_path: Path) -> None:
    maker = EndpointMaker(own_local_aws)
    go = tmp_path / "go"
    slow = {"waits_for": str(go)}
    before, after = maker.config_of({"name": "one"}), maker.config_of({"name": "two", **slow})
    updated = maker.endpoint(before)
    created = maker.endpoint(maker.config_of({"name": "three", **slow}), wait=False)
    maker.sagemaker.update_endpoint(EndpointName=updated, EndpointConfigName=after)
    own_local_aws.down()
    again = EndpointMaker(own_local_aws.up())
    assert again.sagemaker.describe_endpoint(EndpointName=updated)["EndpointStatus"] == "Updating"
    assert again.sagemaker.describe_endpoint(EndpointName=created)["EndpointStatus"] == "Creating"
    assert again.invoke(updated)["model"] == "one"
    go.touch()
    assert again.settled(updated)["EndpointConfigName"] == after
    assert again.invoke(updated)["model"] == "two"
    assert again.settled(created)["EndpointStatus"] == "InService"
    assert again.invoke(created)["model"] == "three"


def test_an_endpoint_that_cannot_be_started_again_says_why(own_local_aws: LocalAws, tmp_path: Path) -> None:
    maker = EndpointMaker(own_local_aws)
    name = maker.endpoint(maker.config_of({"name": "one"}))
    own_local_aws.down()
    register_image(own_local_aws.paths.sagemaker, IMAGE, tmp_path)
    tmp_path.rmdir()
    sagemaker = own_local_aws.up().client("sagemaker")
    wait_for(
        lambda: bool(sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Failed"), "it has failed"
    )
    assert sagemaker.describe_endpoint(EndpointName=name)["FailureReason"] == (
        f"The folder {tmp_path} registered for image {IMAGE} is gone; register the folder it is built from with: "
        f"modelyard local image {IMAGE} FOLDER"
    )


def test_processes_end_with_a_server_that_is_killed(own_local_aws: LocalAws) -> None:
    maker = EndpointMaker(own_local_aws)
    pid = maker.invoke(maker.endpoint(maker.config_of({"name": "one"})))["pid"]
    os.kill(own_local_aws.instance.pid, signal.SIGKILL)
    wait_for(lambda: not runs(pid), "the endpoint's process ends")
