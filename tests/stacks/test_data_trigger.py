"""What starts the pipelines of a stage when new data has come."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.synthesis import Templates, build, text

DEV, PROD = "Modelyard-dev-Serving", "Modelyard-prod-Serving"
QUIET = {"Quiet60": "batch", "Quiet300": "abalonegpu"}


def _of_trigger(templates: Templates, type: str) -> dict[str, dict[str, Any]]:
    """The trigger's resources of a type by the ids of their constructs."""
    return {
        id.removeprefix("DataTrigger")[:-8]: resource["Properties"]
        for id, resource in templates.template(DEV)["Resources"].items()
        if resource["Type"] == type and id.startswith("DataTrigger")
    }


def _target(value: Any) -> str:
    """The construct that an ARN is of."""
    return str(value["Fn::GetAtt"][0]).removeprefix("DataTrigger")[:-8]


def _sends(templates: Templates, queue: str) -> dict[str, Any]:
    (policy,) = [
        policy["PolicyDocument"]["Statement"]
        for policy in _of_trigger(templates, "AWS::SQS::QueuePolicy").values()
        if policy["Queues"][0]["Ref"].removeprefix("DataTrigger")[:-8] == queue
    ]
    (statement,) = [statement for statement in policy if statement["Effect"] == "Allow"]
    return dict(statement)


def test_a_stage_in_which_no_project_asks_for_it_has_no_trigger(templates: Templates) -> None:
    assert [id for id in templates.template(PROD)["Resources"] if id.startswith("DataTrigger")] == []


def test_each_project_has_a_rule_for_its_prefix_that_hands_over_what_the_function_needs(templates: Templates) -> None:
    rules = _of_trigger(templates, "AWS::Events::Rule")
    told = {}
    for id, rule in rules.items():
        assert (rule["EventPattern"]["source"], rule["EventPattern"]["detail-type"]) == (["aws.s3"], ["Object Created"])
        assert "StoreData" in str(rule["EventPattern"]["detail"]["bucket"]["name"])
        (target,) = rule["Targets"]
        template = target["InputTransformer"]["InputTemplate"]
        message = json.loads(template.replace("<aws.events.event.json>", "{}"))
        assert rule["EventPattern"]["detail"]["object"] == {"key": [{"prefix": message["prefix"]}]}
        told[id] = message
        assert _target(target["Arn"]) == next(queue for queue, project in QUIET.items() if project == id)
        assert _target(target["DeadLetterConfig"]["Arn"]) == "DeadData"
    assert told == {
        "batch": {"pipeline": "modelyard-dev-batch", "prefix": "abalone/", "event": {}},
        "abalonegpu": {"pipeline": "modelyard-dev-abalone-gpu", "prefix": "abalone-gpu/", "event": {}},
    }


def test_a_queue_waits_for_the_quiet_time_and_gives_up_after_five_times(templates: Templates) -> None:
    queues = _of_trigger(templates, "AWS::SQS::Queue")
    function = _of_trigger(templates, "AWS::Lambda::Function")["DataArrivedFunction"]
    assert {id: queue.get("DelaySeconds") for id, queue in queues.items()} == {
        "Quiet60": 60,
        "Quiet300": 300,
        "DeadData": None,
    }
    for id in QUIET:
        assert _target(queues[id]["RedrivePolicy"]["deadLetterTargetArn"]) == "DeadData"
        assert queues[id]["RedrivePolicy"]["maxReceiveCount"] == 5
        assert queues[id]["VisibilityTimeout"] >= 6 * function["Timeout"]
    for queue in queues.values():
        assert "StoreKey" in str(queue["KmsMasterKeyId"])


def test_only_the_rules_of_a_queue_may_send_to_it(templates: Templates) -> None:
    for queue, projects in {**{id: [QUIET[id]] for id in QUIET}, "DeadData": ["abalonegpu", "batch"]}.items():
        statement = _sends(templates, queue)
        assert (statement["Action"], statement["Principal"]) == ("sqs:SendMessage", {"Service": "events.amazonaws.com"})
        sources = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
        assert sorted(_target(source) for source in sources) == projects


def test_the_function_takes_batches_and_tells_which_messages_failed(templates: Templates) -> None:
    mappings = _of_trigger(templates, "AWS::Lambda::EventSourceMapping")
    assert {_target(mapping["EventSourceArn"]) for mapping in mappings.values()} == set(QUIET)
    for mapping in mappings.values():
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        # More than ten messages take a window: reference of CreateEventSourceMapping.
        assert mapping["BatchSize"] == 100 and mapping["MaximumBatchingWindowInSeconds"] >= 1


def test_the_function_may_start_the_pipelines_that_ask_for_it_and_no_other(templates: Templates) -> None:
    allowed: dict[str, Any] = {}
    for statement in templates.statements(DEV, "DataTriggerDataArrivedRole"):
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        allowed |= dict.fromkeys(actions, statement["Resource"])
    arn = "arn:aws:sagemaker:us-east-1:111122223333:pipeline/modelyard-dev-{}"
    pipelines = [arn.format("abalone-gpu"), arn.format("batch")]
    assert {action: resource for action, resource in allowed.items() if action.startswith("sagemaker:")} == {
        "sagemaker:DescribePipeline": pipelines,
        "sagemaker:ListPipelineExecutions": pipelines,
        "sagemaker:StartPipelineExecution": pipelines,
    }
    assert {action for action in allowed if not action.startswith("sagemaker:")} == {
        "kms:Decrypt",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "s3:ListBucket",
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
    }
    streams = allowed.pop("logs:PutLogEvents"), allowed.pop("logs:CreateLogStream")
    assert {text(each).rpartition(":log-group:")[2] for each in streams} == {"<?>:*"}
    assert "*" not in str(list(allowed.values()))


def test_an_alarm_on_the_dead_letter_queue_tells_the_topic(templates: Templates) -> None:
    (alarm,) = _of_trigger(templates, "AWS::CloudWatch::Alarm").values()
    assert alarm["Dimensions"][0]["Value"]["Fn::GetAtt"][0].startswith("DataTriggerDeadData")
    assert alarm["AlarmActions"][0]["Ref"].startswith("Notifications")


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_data_bucket_alone_tells_of_its_objects_without_a_custom_resource(templates: Templates, stage: str) -> None:
    buckets = templates.resources(f"Modelyard-{stage}-Foundation", "AWS::S3::Bucket")
    told = {
        bucket["Properties"]["BucketName"].split("-")[2]: bucket["Properties"].get("NotificationConfiguration")
        for bucket in buckets
    }
    assert told.pop("data") == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert set(told.values()) == {None}
    assert templates.resources(f"Modelyard-{stage}-Foundation", "Custom::S3BucketNotifications") == []


def test_a_stage_that_adopts_its_bucket_and_key_has_a_trigger_too(tmp_path: Path) -> None:
    (tmp_path / "platform.yaml").write_text(
        'stages:\n  again: {account: "777788889999", region: eu-west-1, adopt: true}\n'
        "projects:\n  abalone: {data_trigger: {}}\n"
    )
    build(tmp_path / "platform.yaml", tmp_path / "out").synth()
    adopted = Templates(tmp_path / "out")
    statements = adopted.statements("Modelyard-again-Serving", "DataTriggerDataArrivedRole")
    (decrypt,) = [statement for statement in statements if statement["Action"] == "kms:Decrypt"]
    assert decrypt["Condition"] == {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/modelyard-again"}}
    (queue,) = [
        queue["Properties"]
        for queue in adopted.resources("Modelyard-again-Serving", "AWS::SQS::Queue")
        if "DelaySeconds" in queue["Properties"]
    ]
    assert "alias/modelyard-again" in json.dumps(queue["KmsMasterKeyId"])
