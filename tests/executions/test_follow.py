"""Following an execution: late log lines, lost connections, and jobs as AWS names them."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from modelyard.executions.execution import Step
from modelyard.executions.follow import Sighting, follow
from modelyard.executions.logs import Tail
from modelyard.local import environment
from tests.executions.yard import Yard


def sightings(yard: Yard, project: str, client: Any, pause: Any) -> list[Sighting]:
    arn = yard.lab.start(f"modelyard-{yard.name}-{project}")
    return list(follow(client, arn, pause=pause))


def test_a_line_that_appears_after_the_end_is_shown(yard: Yard) -> None:
    yard.pipeline("late", [yard.step("Look", "print('in time')")])
    logs = yard.lab.aws.client("logs")
    ended: list[bool] = []

    def pause(seconds: float) -> None:
        time.sleep(0.05)
        streams = logs.describe_log_streams(logGroupName="/aws/sagemaker/ProcessingJobs")["logStreams"]
        (arn,) = (item["PipelineExecutionArn"] for item in yard.executions("modelyard-runs-late"))
        execution = yard.lab.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        if execution["PipelineExecutionStatus"] == "Succeeded" and not ended:
            ended.append(True)
            (stream,) = (item["logStreamName"] for item in streams if arn.rpartition("/")[2] in item["logStreamName"])
            event = {"timestamp": int(time.time() * 1000), "message": "late"}
            logs.put_log_events(logGroupName="/aws/sagemaker/ProcessingJobs", logStreamName=stream, logEvents=[event])

    seen = sightings(yard, "late", yard.lab.aws.client, pause)
    assert [str(line) for sighting in seen for line in sighting.lines] == ["Look | in time", "Look | late"]


@pytest.mark.parametrize(
    ("service", "call", "nth"),
    [("sagemaker", "sagemaker.DescribePipelineExecution", 1), ("logs", "cloudwatch-logs.DescribeLogStreams", 0)],
    ids=["execution", "logs"],
)
def test_a_lost_connection_loses_neither_the_end_nor_a_line(yard: Yard, service: str, call: str, nth: int) -> None:
    yard.pipeline(f"lost-{service}", [yard.step("Look", "print('hello')")])
    failing = environment.client(yard.lab.aws.instance, service)
    calls = itertools.count()

    def lose(**_: Any) -> None:
        if next(calls) == nth:
            raise EndpointConnectionError(endpoint_url="https://aws")

    failing.meta.events.register(f"before-call.{call}", lose)
    seen = sightings(
        yard,
        f"lost-{service}",
        lambda name: failing if name == service else yard.lab.aws.client(name),
        lambda _: time.sleep(0.1),
    )
    troubles = [sighting.trouble for sighting in seen if sighting.trouble]
    assert troubles == ['Could not connect to the endpoint URL: "https://aws"']
    assert seen[-1].execution and seen[-1].execution.status == "Succeeded"
    assert [str(line) for sighting in seen for line in sighting.lines] == ["Look | hello"]


class Aws:
    """A transform job, whose ARN is written in small letters, with two log streams that are read page by page."""

    def client(self, service: str) -> Any:
        return self

    def describe_transform_job(self, TransformJobName: str) -> dict[str, Any]:  # noqa: N803
        assert TransformJobName == "pipelines-abc-score-xyz"
        return {"TransformJobName": "pipelines-abc-Score-xyz"}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "describe_log_streams"
        return self

    def paginate(self, **given: Any) -> list[Any]:
        assert given == {
            "logGroupName": "/aws/sagemaker/TransformJobs",
            "logStreamNamePrefix": "pipelines-abc-Score-xyz/",
        }
        names = ("pipelines-abc-Score-xyz/i-0a-1700000000", "pipelines-abc-Score-xyz/i-0b-1700000000")
        return [{"logStreams": [{"logStreamName": name}]} for name in names]

    def get_log_events(self, logStreamName: str, nextToken: str = "0", **_: Any) -> dict[str, Any]:  # noqa: N803
        at = int(nextToken)
        events = [{"message": f"page {at}\n"}] if at < 2 else []
        return {"events": events, "nextForwardToken": str(at + 1 if events else at)}


def test_the_log_of_a_job_is_found_by_its_own_name_and_read_to_its_end() -> None:
    metadata = {"TransformJob": {"Arn": "arn:aws:sagemaker:eu-west-1:1:transform-job/pipelines-abc-score-xyz"}}
    step, tail = Step("Score", "Executing", None, None, metadata=metadata), Tail(Aws().client)
    assert [str(line) for line in tail.read(step)] == [
        "Score i-0a | page 0",
        "Score i-0a | page 1",
        "Score i-0b | page 0",
        "Score i-0b | page 1",
    ]
    assert list(tail.read(step)) == []
