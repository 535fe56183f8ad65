"""The approval hook as it is deployed."""

import importlib
import inspect
import re
from fnmatch import fnmatch
from typing import Any

import pytest

from modelyard.lambdas.serving import reconcile
from modelyard.lambdas.serving.steps import State, Wish
from tests.synthesis import Templates, dashboard_body

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
    mapping = templates.resource(STACK, "AWS::Lambda::EventSourceMapping", "ApprovalHookMessages")["Properties"]
    assert mapping["BatchSize"] == 1
    assert mapping["EventSourceArn"]["Fn::GetAtt"][0].startswith("ApprovalHookQueue")
    assert mapping["FunctionName"]["Ref"].startswith("ApprovalHookReconcileFunction")


def test_queues_and_topic_are_encrypted_with_the_key_of_the_stage(templates: Templates) -> None:
    for type in ("AWS::SQS::Queue", "AWS::SNS::Topic"):
        for resource in templates.resources(STACK, type):
            assert "Fn::GetStackOutput" in str(resource["Properties"]["KmsMasterKeyId"])


def _alarms(templates: Templates) -> dict[str, dict[str, Any]]:
    found = [alarm["Properties"] for alarm in templates.resources(STACK, "AWS::CloudWatch::Alarm")]
    return {_watched(alarm): alarm for alarm in found}


def _watched(alarm: dict[str, Any]) -> str:
    """The queue that an alarm watches, by its logical id less CloudFormation's suffix, or else the metric."""
    if "Dimensions" not in alarm:
        return str(alarm["MetricName"])
    return str(alarm["Dimensions"][0]["Value"]["Fn::GetAtt"][0][:-8])


def test_an_alarm_on_each_dead_letter_queue_and_on_errors_of_reconcile_tells_the_topic(templates: Templates) -> None:
    alarms = _alarms(templates)
    assert sorted(alarms) == ["ApprovalHookDeadEvents", "ApprovalHookDeadMessages", "ReconcileErrors"]
    for alarm in alarms.values():
        for told in (alarm["AlarmActions"], alarm["OKActions"]):
            assert told[0]["Ref"].startswith("Notifications")
        assert (alarm["Threshold"], alarm["TreatMissingData"]) == (1, "notBreaching")
        assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert alarms["ReconcileErrors"]["Namespace"] == "Modelyard/prod"


def test_the_log_of_reconcile_is_read_for_errors_and_for_each_endpoint_on_its_way(templates: Templates) -> None:
    filters = [item["Properties"] for item in templates.resources(STACK, "AWS::Logs::MetricFilter")]
    group = _function(templates, "ApprovalHookReconcileFunction")["LoggingConfig"]["LogGroup"]
    assert {str(item["LogGroupName"]) for item in filters} == {str(group)}
    metrics = [item["MetricTransformations"][0] for item in filters]
    assert {metric["MetricNamespace"] for metric in metrics} == {"Modelyard/prod"}
    values = sorted((metric["MetricName"], metric["MetricValue"]) for metric in metrics)
    assert values == [("ReconcileErrors", "1")] * 3 + [("Unconverged", "0"), ("Unconverged", "1")]
    by_endpoint = [metric["Dimensions"] for metric in metrics if metric["MetricName"] == "Unconverged"]
    assert by_endpoint == [[{"Key": "Endpoint", "Value": "$.endpoint"}]] * 2


def test_what_the_filters_look_for_is_what_reconcile_logs(templates: Templates) -> None:
    patterns = [item["Properties"]["FilterPattern"] for item in templates.resources(STACK, "AWS::Logs::MetricFilter")]
    looked_for = {
        field: {value for pattern in patterns for value in re.findall(rf'\$\.{field} !?= "([^"]+)"', pattern)}
        for field in ("message", "why", "state")
    }
    assert looked_for["message"] == {"reconcile", "poisoned"}
    assert looked_for["state"] == {State.IN_SERVICE.value}
    for wish in Wish:
        assert any(fnmatch(wish.value, pattern) for pattern in looked_for["why"])
    for pattern in looked_for["why"]:
        assert any(fnmatch(wish.value, pattern) for wish in Wish)
    logged = inspect.getsource(reconcile)
    for message in looked_for["message"]:
        assert f'"{message}",' in logged


def test_the_dashboard_of_the_hook_shows_queue_age_errors_and_dead_letters(templates: Templates) -> None:
    properties = templates.resource(STACK, "AWS::CloudWatch::Dashboard")["Properties"]
    assert properties["DashboardName"] == "modelyard-prod-serving"
    body = dashboard_body(properties)
    titles = {widget["properties"]["title"]: widget["properties"]["metrics"] for widget in body["widgets"]}
    assert {metric[1] for metric in titles["Dead-letter queues"]} == {"ApproximateNumberOfMessagesVisible"}
    assert titles["Age of the oldest message in seconds"][0][1] == "ApproximateAgeOfOldestMessage"
    assert [metric[1] for metric in titles["Errors"]] == ["Errors", "Errors", "ReconcileErrors"]
    assert {widget["properties"]["region"] for widget in body["widgets"]} == {"eu-central-1"}


def test_the_hook_holds_no_wildcard_action_and_no_wildcard_resource_but_where_there_is_nothing_else(
    templates: Templates,
) -> None:
    unbounded = set()
    for name in ("Wake", "Reconcile", "LifetimeHandler"):
        for statement in templates.statements(STACK, f"ApprovalHook{name}Role"):
            actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
            assert not [action for action in actions if "*" in action]
            unbounded |= set(actions) if statement["Resource"] == "*" else set()
    assert unbounded == {
        "application-autoscaling:DescribeScalableTargets",
        "application-autoscaling:DescribeScalingPolicies",
        "cloudwatch:GetMetricStatistics",
        "sagemaker:ListEndpointConfigs",
        "sagemaker:ListModelPackages",
        "sagemaker:ListModels",
    }


def test_alarms_and_scalable_targets_of_the_stages_endpoints_alone_are_written(templates: Templates) -> None:
    arn = "arn:aws:{}:eu-central-1:444455556666:{}"
    written = {
        action: (statement["Resource"], statement.get("Condition"))
        for statement in templates.statements(STACK, "ApprovalHookReconcileRole")
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        if action.startswith(("cloudwatch:Tag", "application-autoscaling:Put", "iam:Create"))
    }
    assert written == {
        "cloudwatch:TagResource": (arn.format("cloudwatch", "alarm:modelyard-prod-*"), None),
        "application-autoscaling:PutScalingPolicy": (
            arn.format("application-autoscaling", "scalable-target/*"),
            {"StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}},
        ),
        "iam:CreateServiceLinkedRole": (
            "arn:aws:iam::444455556666:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
            "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
            {"StringEquals": {"iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"}},
        ),
    }


def test_alarms_may_publish_and_addresses_are_subscribed(templates: Templates) -> None:
    policy = templates.resource(STACK, "AWS::SNS::TopicPolicy")["Properties"]["PolicyDocument"]
    allowed = [statement for statement in policy["Statement"] if statement["Effect"] == "Allow"]
    assert [statement["Principal"] for statement in allowed] == [{"Service": "cloudwatch.amazonaws.com"}]
    subscription = templates.resource(STACK, "AWS::SNS::Subscription")["Properties"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.com")


@pytest.mark.parametrize("name", ["Wake", "Reconcile", "LifetimeHandler"])
def test_functions_know_their_stage_only_by_their_environment(templates: Templates, name: str) -> None:
    variables = _function(templates, f"ApprovalHook{name}Function")["Environment"]["Variables"]
    others = {"RESOURCE", "TOTAL_TIMEOUT_SECONDS", "WAITING_QUEUE_URL"} if name == "LifetimeHandler" else set()
    assert variables.keys() == {"LEDGER_TABLE", "DECLARATIONS_PATH", "QUEUE_URL", "TOPIC_ARN"} | others
    assert variables["DECLARATIONS_PATH"] == "/modelyard/prod/"


def test_every_handler_is_a_function_of_event_and_context_in_its_asset(templates: Templates) -> None:
    handlers = {
        (_entry(resource["Properties"]), resource["Properties"]["Code"]["S3Key"].removesuffix(".zip"))
        for template in templates.stacks().values()
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function" and resource["Properties"]["Runtime"].startswith("python")
    }
    assert {handler for handler, _ in handlers} == {
        "serving.wake.handler",
        "serving.reconcile.handler",
        "serving.lifetime.handle",
        "delivery.data_arrived.handle",
        "emptier.handler.handle",
        "images.handler.handle",
    }
    for handler, asset in handlers:
        package, module, function = handler.split(".")
        folder = templates.folder / f"asset.{asset}"
        assert {path.name for path in folder.iterdir()} == {package, "answering.py"}
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


def _entry(function: dict[str, Any]) -> str:
    """Module and function that an invocation comes to."""
    if function["Handler"] == "answering.handler":
        return f"{function['Environment']['Variables']['RESOURCE']}.handle"
    return str(function["Handler"])


def test_a_deletion_that_takes_long_waits_in_an_encrypted_queue(templates: Templates) -> None:
    queue = templates.resource(STACK, "AWS::SQS::Queue", "ApprovalHookLifetimeWaiting")["Properties"]
    function = _function(templates, "ApprovalHookLifetimeHandlerFunction")
    assert queue["VisibilityTimeout"] == 6 * function["Timeout"]
    assert "KmsMasterKeyId" in queue
    assert int(function["Environment"]["Variables"]["TOTAL_TIMEOUT_SECONDS"]) < 3600, "CloudFormation's own patience"
    assert queue["MessageRetentionPeriod"] == 3600
    mapping = templates.resource(STACK, "AWS::Lambda::EventSourceMapping", "ApprovalHookLifetime")["Properties"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"], "else one look deletes the message"
    assert mapping["EventSourceArn"]["Fn::GetAtt"][0].startswith("ApprovalHookLifetimeWaiting")


def test_an_event_that_lambda_gives_up_comes_to_the_queue_within_the_hour(templates: Templates) -> None:
    function = _function(templates, "ApprovalHookLifetimeHandlerFunction")
    assert function["DeadLetterConfig"]["TargetArn"]["Fn::GetAtt"][0].startswith("ApprovalHookLifetimeWaiting")
    invocations = templates.resource(STACK, "AWS::Lambda::EventInvokeConfig")["Properties"]
    assert invocations["MaximumEventAgeInSeconds"] == 3600
