"""The approval hook as it is deployed."""

import importlib
import inspect
from typing import Any

import pytest

from tests.synthesis import Templates

STACK = "Modelyard-prod-Serving"


def _function(templates: Templates, logical_id: str) -> dict[str, Any]:
    properties: dict[str, Any] = templates.resource(STACK, "AWS::Lambda::Function", logical_id)["Properties"]
    return properties


def test_events_of_versions_and_endpoints_and_a_heartbeat_invoke_wake(templates: Templates) -> None:
    rules = [rule["Properties"] for rule in templates.resources(STACK, "AWS::Events::Rule")]
    patterns = [rule["EventPattern"] for rule in rules if "EventPattern" in rule]
    assert sorted(pattern["detail-type"][0] for pattern in patterns) == [
        "SageMaker Endpoint Deployment State Change",
        "SageMaker Endpoint State Change",
        "SageMaker Model Package State Change",
    ]
    assert {pattern["source"][0] for pattern in patterns} == {"aws.sagemaker"}
    assert [rule["ScheduleExpression"] for rule in rules if "ScheduleExpression" in rule] == ["rate(15 minutes)"]
    for rule in rules:
        (target,) = rule["Targets"]
        assert target["Arn"]["Fn::GetAtt"][0].startswith("ApprovalHookWakeFunction")
        assert target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0].startswith("ApprovalHookDeadEvents")


def test_the_queue_is_fifo_and_deduplicates_by_id_alone(templates: Templates) -> None:
    queue = templates.resource(STACK, "AWS::SQS::Queue", "ApprovalHookQueue")["Properties"]
    assert queue["FifoQueue"] is True
    assert not queue.get("ContentBasedDeduplication", False)
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 10
    dead = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
    assert templates.template(STACK)["Resources"][dead]["Properties"]["FifoQueue"] is True


def test_messages_stay_hidden_six_times_as_long_as_reconcile_may_take(templates: Templates) -> None:
    queue = templates.resource(STACK, "AWS::SQS::Queue", "ApprovalHookQueue")["Properties"]
    assert queue["VisibilityTimeout"] >= 6 * _function(templates, "ApprovalHookReconcileFunction")["Timeout"]


def test_a_dead_letter_queue_of_rules_is_no_fifo_queue(templates: Templates) -> None:
    queue = templates.resource(STACK, "AWS::SQS::Queue", "ApprovalHookDeadEvents")["Properties"]
    assert "FifoQueue" not in queue


def test_reconcile_takes_one_message_at_a_time(templates: Templates) -> None:
    mapping = templates.resource(STACK, "AWS::Lambda::EventSourceMapping")["Properties"]
    assert mapping["BatchSize"] == 1
    assert mapping["EventSourceArn"]["Fn::GetAtt"][0].startswith("ApprovalHookQueue")
    assert mapping["FunctionName"]["Ref"].startswith("ApprovalHookReconcileFunction")


def test_queues_and_topic_are_encrypted_with_the_key_of_the_stage(templates: Templates) -> None:
    for type in ("AWS::SQS::Queue", "AWS::SNS::Topic"):
        for resource in templates.resources(STACK, type):
            assert "Fn::GetStackOutput" in str(resource["Properties"]["KmsMasterKeyId"])


def test_an_alarm_on_each_dead_letter_queue_tells_the_topic(templates: Templates) -> None:
    alarms = [alarm["Properties"] for alarm in templates.resources(STACK, "AWS::CloudWatch::Alarm")]
    watched = sorted(alarm["Dimensions"][0]["Value"]["Fn::GetAtt"][0][:-8] for alarm in alarms)
    assert watched == ["ApprovalHookDeadEvents", "ApprovalHookDeadMessages"]
    for alarm in alarms:
        assert alarm["AlarmActions"][0]["Ref"].startswith("Notifications")
        assert (alarm["Threshold"], alarm["TreatMissingData"]) == (1, "notBreaching")


def test_alarms_may_publish_and_addresses_are_subscribed(templates: Templates) -> None:
    policy = templates.resource(STACK, "AWS::SNS::TopicPolicy")["Properties"]["PolicyDocument"]
    allowed = [statement for statement in policy["Statement"] if statement["Effect"] == "Allow"]
    assert [statement["Principal"] for statement in allowed] == [{"Service": "cloudwatch.amazonaws.com"}]
    subscription = templates.resource(STACK, "AWS::SNS::Subscription")["Properties"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.com")


@pytest.mark.parametrize("name", ["Wake", "Reconcile", "OnEvent", "IsComplete"])
def test_functions_know_their_stage_only_by_their_environment(templates: Templates, name: str) -> None:
    variables = _function(templates, f"ApprovalHook{name}Function")["Environment"]["Variables"]
    assert variables.keys() == {"LEDGER_TABLE", "DECLARATIONS_PATH", "QUEUE_URL", "TOPIC_ARN"}
    assert variables["DECLARATIONS_PATH"] == "/modelyard/prod/"


def test_every_handler_is_a_function_of_event_and_context_in_its_asset(templates: Templates) -> None:
    handlers = {
        (resource["Properties"]["Handler"], resource["Properties"]["Code"]["S3Key"].removesuffix(".zip"))
        for template in templates.stacks().values()
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function" and resource["Properties"]["Runtime"].startswith("python")
    }
    assert {handler for handler, _ in handlers} == {
        "serving.wake.handler",
        "serving.reconcile.handler",
        "serving.lifetime.on_event",
        "serving.lifetime.is_complete",
        "emptier.handler.on_event",
    }
    for handler, asset in handlers:
        package, module, function = handler.split(".")
        folder = templates.folder / f"asset.{asset}"
        assert [path.name for path in folder.iterdir()] == [package]
        assert (folder / package / f"{module}.py").is_file()
        assert not list(folder.rglob("*.pyc"))
        target = getattr(importlib.import_module(f"modelyard.lambdas.{package}.{module}"), function)
        assert len(inspect.signature(target).parameters) == 2


def test_every_function_has_a_log_that_ends(templates: Templates) -> None:
    for template in templates.stacks().values():
        resources = template["Resources"]
        for resource in resources.values():
            if resource["Type"] == "AWS::Lambda::Function":
                group = resources[resource["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]]
                assert group["Properties"]["RetentionInDays"] == 30
