"""What starts pipelines, and what they tell."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any

import pytest

from tests.local.codepipeline.plant import Plant, act, stage, zipped
from tests.local.fast_aws import eventually
from tests.local.sagemaker.lab import unique
from tests.local_aws import LocalAws

GATE = stage("Gate", act("Approve", "Approval/Manual"))


@pytest.fixture(scope="module")
def fast_plant(fast_aws: LocalAws) -> Plant:
    """A plant where a minute passes in a fifth of a second."""
    made = Plant(fast_aws)
    made.put()
    return made


@pytest.mark.parametrize("by", ["API", "CloudFormation"])
def test_an_object_in_the_source_bucket_starts_a_pipeline_by_a_rule(plant: Plant, by: str) -> None:
    bucket, rule = unique("evented"), unique("rule")
    if by == "API":
        plant.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": plant.aws.region})
        plant.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        plant.s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
    else:
        properties = {
            "BucketName": bucket,
            "VersioningConfiguration": {"Status": "Enabled"},
            "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
        }
        resource = {"Type": "AWS::S3::Bucket", "Properties": properties}
        cloudformation, stack = plant.aws.client("cloudformation"), unique("stack")
        cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps({"Resources": {"Bucket": resource}}))
        cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    source = plant.source()
    source["configuration"]["S3Bucket"] = bucket
    name = plant.pipeline(stages=[stage("Source", source), GATE])
    assert plant.ended(name)["status"] == "Failed", "there is no source yet"
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [bucket]}, "object": {"key": ["source.zip"]}},
    }
    events = plant.aws.client("events")
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    arn = plant.codepipeline.get_pipeline(name=name)["metadata"]["pipelineArn"]
    events.put_targets(Rule=rule, Targets=[{"Id": "pipeline", "Arn": arn, "RoleArn": plant.role}])
    plant.s3.put_object(Bucket=bucket, Key="other.zip", Body=b"")
    version = plant.s3.put_object(Bucket=bucket, Key="source.zip", Body=zipped(a="b"))["VersionId"]
    plant.token(name, "Gate", "Approve")
    assert len(plant.executions(name)) == 2
    execution = plant.look(name, plant.executions(name)[0])
    assert execution["trigger"]["triggerType"] == "CloudWatchEvent"
    assert execution["artifactRevisions"][0]["revisionId"] == version


def test_a_source_that_is_polled_starts_a_pipeline_once_a_version(fast_plant: Plant) -> None:
    plant, key = fast_plant, f"{unique('polled')}.zip"
    source = plant.source(key=key)
    del source["configuration"]["PollForSourceChanges"]
    plant.put(key)
    name = plant.pipeline(stages=[stage("Source", source), GATE])
    plant.answer(name, "Gate", "Approve")
    plant.succeeded(name)
    time.sleep(1.5)
    assert len(plant.executions(name)) == 1, "it was started on what it had run with"
    version = plant.put(key, more="words")
    eventually(lambda: len(plant.executions(name)) == 2, "the new version starts it")
    plant.token(name, "Gate", "Approve", plant.executions(name)[0])
    execution = plant.look(name, plant.executions(name)[0])
    assert execution["trigger"]["triggerType"] == "PollForSourceChanges"
    assert execution["artifactRevisions"][0]["revisionId"] == version
    time.sleep(1.5)
    assert len(plant.executions(name)) == 2


def test_an_approval_that_nobody_gives_times_out(fast_plant: Plant) -> None:
    gate = stage("Gate", act("Approve", "Approval/Manual", timeoutInMinutes=5))
    name = fast_plant.pipeline(gate)
    assert "timed out" in fast_plant.error(name, "Approve")


def test_a_function_that_never_answers_fails_its_job(fast_plant: Plant) -> None:
    function = fast_plant.function("raise ValueError(given)")
    name = fast_plant.pipeline(stage("Work", act("Call", "Invoke/Lambda", {"FunctionName": function})))
    message = fast_plant.error(name, "Call")
    assert message.startswith(f"The function {function} did not end the job ")
    assert "within 20 minutes: it must call PutJobSuccessResult or PutJobFailureResult" in message


def test_events_tell_of_pipelines_stages_and_actions(plant: Plant) -> None:
    queue = plant.aws.client("sqs").create_queue(QueueName=unique("events"))["QueueUrl"]
    queue_arn = f"arn:aws:sqs:{plant.aws.region}:{plant.aws.account}:{queue.rpartition('/')[2]}"
    declaration, rule = plant.declaration(GATE), unique("rule")
    name, events = declaration["name"], plant.aws.client("events")
    pattern = {"source": ["aws.codepipeline"], "detail": {"pipeline": [name]}}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": queue_arn}])
    plant.codepipeline.create_pipeline(pipeline=declaration)
    plant.answer(name, "Gate", "Approve", status="Rejected", summary="no")
    id = plant.first(name)
    plant.ended(name, id)
    seen: list[dict[str, Any]] = []

    def ended() -> bool:
        answer = plant.aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", []):
            plant.aws.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            seen.append(json.loads(message["Body"]))
        return len(seen) >= 10

    eventually(ended, "the events came")
    told = {
        (
            event["detail-type"].split()[1],
            event["detail"].get("action") or event["detail"].get("stage"),
            event["detail"]["state"],
        )
        for event in seen
    }
    assert told == {
        ("Pipeline", None, "STARTED"),
        ("Stage", "Source", "STARTED"),
        ("Action", "Source", "STARTED"),
        ("Action", "Source", "SUCCEEDED"),
        ("Stage", "Source", "SUCCEEDED"),
        ("Stage", "Gate", "STARTED"),
        ("Action", "Approve", "STARTED"),
        ("Action", "Approve", "FAILED"),
        ("Stage", "Gate", "FAILED"),
        ("Pipeline", None, "FAILED"),
    }
    (failed,) = [
        event for event in seen if event["detail"].get("action") == "Approve" and event["detail"]["state"] == "FAILED"
    ]
    assert failed["resources"] == [plant.codepipeline.get_pipeline(name=name)["metadata"]["pipelineArn"]]
    detail = failed["detail"]
    assert (detail["execution-id"], detail["stage"], detail["region"], detail["version"]) == (
        id,
        "Gate",
        plant.aws.region,
        1.0,
    )
    assert detail["type"] == {"owner": "AWS", "provider": "Manual", "category": "Approval", "version": "1"}
    assert detail["execution-result"] == {"external-execution-summary": "no", "error-code": "JobFailed"}


def test_what_ran_is_failed_after_a_crash_and_an_approval_that_waits_is_kept(own_local_aws: LocalAws) -> None:
    plant = Plant(own_local_aws)
    plant.put()
    function = plant.function("import time; time.sleep(600)")
    waiting = plant.pipeline(GATE, stage("Work", act("Wait", "Approval/Manual")))
    running = plant.pipeline(stage("Work", act("Call", "Invoke/Lambda", {"FunctionName": function})))
    plant.token(waiting, "Gate", "Approve")
    eventually(lambda: plant.actions(running).get("Call"), "the function runs")
    later = plant.start(waiting)
    eventually(lambda: plant.state(waiting)["Gate"].get("inboundExecution"), "another waits before the gate")
    since = time.time()
    # A change of its own asks for a snapshot of all of them.
    plant.codepipeline.tag_resource(
        resourceArn=plant.codepipeline.get_pipeline(name=waiting)["metadata"]["pipelineArn"],
        tags=[{"key": "team", "value": "ml"}],
    )
    own_local_aws.snapshot_after(since)
    os.kill(own_local_aws.instance.pid, signal.SIGKILL)
    own_local_aws.up()
    plant.reconnect()
    assert plant.error(running, "Call") == "interrupted: the local AWS ended while this was in progress"
    plant.answer(waiting, "Gate", "Approve")
    plant.answer(waiting, "Work", "Wait")
    plant.succeeded(waiting)
    plant.token(waiting, "Gate", "Approve", later)
    plant.codepipeline.retry_stage_execution(
        pipelineName=running,
        stageName="Work",
        pipelineExecutionId=plant.first(running),
        retryMode="FAILED_ACTIONS",
    )
    assert plant.look(running, plant.first(running))["status"] == "InProgress"
