from __future__ import annotations

import json
import time
from typing import Any

from tests.local.sagemaker.lab import Lab, unique


def test_a_job_that_changes_its_state_is_an_event_that_describes_it(lab: Lab) -> None:
    rule, queue = unique("rule"), lab.aws.client("sqs").create_queue(QueueName=unique("queue"))["QueueUrl"]
    arn = f"arn:aws:sqs:{lab.aws.region}:{lab.aws.account}:{queue.rpartition('/')[2]}"
    events, name = lab.aws.client("events"), unique("training")
    events.put_rule(
        Name=rule,
        EventPattern=json.dumps(
            {"detail-type": ["SageMaker Training Job State Change"], "detail": {"TrainingJobName": [name]}}
        ),
    )
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": arn}])

    lab.sagemaker.create_training_job(TrainingJobName=name, **lab.training("raise SystemExit(1)"))
    job = lab.ended("Training", name)

    seen = received(lab, queue, 5)
    events.remove_targets(Rule=rule, Ids=["queue"])
    events.delete_rule(Name=rule)
    assert {event["detail"]["SecondaryStatus"] for event in seen} == {
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Failed",
    }
    (failed,) = [event for event in seen if event["detail"]["TrainingJobStatus"] == "Failed"]
    assert failed["source"] == "aws.sagemaker"
    assert failed["resources"] == [job["TrainingJobArn"]]
    assert failed["detail"]["FailureReason"] == job["FailureReason"]
    # In milliseconds, cut off.
    assert 0 <= job["TrainingEndTime"].timestamp() - failed["detail"]["TrainingEndTime"] / 1000 < 0.0011


def received(lab: Lab, queue: str, count: int) -> list[dict[str, Any]]:
    """The events in the queue, once there are ``count``."""
    sqs = lab.aws.client("sqs")
    found: list[dict[str, Any]] = []
    while len(found) < count:
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        time.sleep(0.02)
    return found
