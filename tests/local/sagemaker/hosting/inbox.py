"""The events of a test's endpoints, as a rule of EventBridge delivers them."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.local.sagemaker.hosting.endpoint_maker import EndpointMaker

STATE = "SageMaker Endpoint State Change"


class Inbox:
    """A queue that gets every endpoint event of the endpoints whose names begin with ``prefix``."""

    def __init__(self, maker: EndpointMaker) -> None:
        self._sqs = maker.aws.client("sqs")
        self._received: list[dict[str, Any]] = []
        name = f"{maker.prefix}-events"
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        pattern = {"source": ["aws.sagemaker"], "detail": {"EndpointName": [{"prefix": maker.prefix}]}}
        events = maker.aws.client("events")
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])

    def take(self, count: int) -> list[dict[str, Any]]:
        """The next ``count`` events, in the order of their emission."""
        deadline = time.monotonic() + 30
        while len(self._received) < count:
            assert time.monotonic() < deadline, self._received
            answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                self._received.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        events, self._received = self._received[:count], self._received[count:]
        return sorted(events, key=lambda event: event["detail"]["LastModifiedTime"])

    def story(self, last: str) -> list[str]:
        """Every event until the endpoint's state is ``last``: the state, or what its pending variant does."""
        events: list[dict[str, Any]] = []
        while not any(event["detail"]["EndpointStatus"] == last for event in events if event["detail-type"] == STATE):
            events += self.take(1)
        return [_told(event) for event in sorted(events, key=lambda event: event["detail"]["LastModifiedTime"])]


def _told(event: dict[str, Any]) -> str:
    detail = event["detail"]
    if event["detail-type"] == STATE:
        return str(detail["EndpointStatus"])
    (variant,) = detail["PendingDeploymentSummary"]["ProductionVariants"]
    (status,) = variant["VariantStatus"]
    counts = f"{variant['CurrentInstanceCount']}/{variant['DesiredInstanceCount']}"
    return f"{status['Status']} {counts}: {status['StatusMessage']}"
