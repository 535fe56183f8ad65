"""Objects that are put into the bucket of a deployed stage: S3, EventBridge, the queue with its delay, the function."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from modelyard.lambdas.delivery.inputs import inputs_name
from tests.lambdas.delivery.training.projects import await_executions, executions
from tests.local_aws import LocalAws

APP = Path(__file__).parent / "app"
BUCKET = "modelyard-newdata-data-111122223333-eu-west-1"
OBJECTS = 200
NOTHING = {
    "Conditions": [{"Type": "Equals", "LeftValue": 1, "RightValue": 1}],
    "IfSteps": [],
    "ElseSteps": [],
}


@pytest.fixture(scope="module")
def aws(bootstrapped: LocalAws) -> LocalAws:
    bootstrapped.cdk("deploy", bootstrapped.synth(APP, "new-data"))
    for name in ("burst", "single"):
        definition = {
            "Version": "2020-12-01",
            "Parameters": [{"Name": "Data", "Type": "String", "DefaultValue": f"s3://{BUCKET}/{name}/"}],
            "Steps": [{"Name": "Nothing", "Type": "Condition", "Arguments": NOTHING}],
        }
        bootstrapped.client("sagemaker").create_pipeline(
            PipelineName=f"new-data-{name}",
            PipelineDefinition=json.dumps(definition),
            RoleArn="arn:aws:iam::111122223333:role/none",
            ClientRequestToken="t" * 32,
        )
    return bootstrapped


def put(aws: LocalAws, key: str, content: str = "1") -> None:
    aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=content.encode())


def queues(aws: LocalAws) -> dict[str, str]:
    """The URLs of the trigger's queues by their construct ids."""
    resources = aws.client("cloudformation").describe_stack_resources(StackName="NewData")["StackResources"]
    found = {item["LogicalResourceId"]: item for item in resources if item["ResourceType"] == "AWS::SQS::Queue"}
    return {id.removeprefix("Trigger")[:-8]: item["PhysicalResourceId"] for id, item in found.items()}


def left(aws: LocalAws, queue: str) -> int:
    """How many messages a queue has, those included that it delays or that are under way."""
    names = ["", "NotVisible", "Delayed"]
    names = [f"ApproximateNumberOfMessages{name}" for name in names]
    answer = aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)
    return sum(int(value) for value in answer["Attributes"].values())


def await_rest(aws: LocalAws, queue: str) -> None:
    deadline = time.monotonic() + 60
    while left(aws, queue):
        assert time.monotonic() < deadline, f"{queue} is not empty"
        time.sleep(0.2)


def test_of_a_burst_of_objects_one_execution_starts_on_all_of_them(aws: LocalAws) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: put(aws, f"burst/{number:04}.csv"), range(OBJECTS)))
    all_of_them = inputs_name(aws.client, "new-data-burst")
    started = await_executions(aws, "new-data-burst", 1)
    await_rest(aws, queues(aws)["Quiet4"])
    assert len(executions(aws, "new-data-burst")) == 1
    assert started[0]["PipelineExecutionDisplayName"] == all_of_them


def test_each_new_content_starts_one_execution_and_the_same_content_none(aws: LocalAws) -> None:
    """Whatever the key is called."""
    queue = queues(aws)["Quiet0"]
    key = 'single/a "quoted" \\ käse & co.csv'
    for content, count in (("1", 1), ("2", 2)):
        put(aws, key, content)
        await_executions(aws, "new-data-single", count)
        await_rest(aws, queue)
    put(aws, key, "2")
    put(aws, "elsewhere/data.csv")
    time.sleep(1)
    await_rest(aws, queue)
    assert [item["PipelineExecutionStatus"] for item in executions(aws, "new-data-single")] == ["Succeeded"] * 2
    assert left(aws, queues(aws)["DeadData"]) == 0
