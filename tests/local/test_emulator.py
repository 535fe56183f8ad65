"""What Modelyard relies on in ministack beyond its documented interface."""

from __future__ import annotations

import asyncio
import inspect
import json
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from ministack import app
from ministack.core import iam_evaluator, lambda_runtime, persistence, responses, router
from ministack.services import cloudformation, cloudwatch, cloudwatch_logs, eventbridge, iam, lambda_svc, s3, sts
from ministack.services.cloudformation import provisioners

from modelyard.local import emulator_state
from modelyard.local.emulator import Emulator
from modelyard.shapes import service_model
from tests.local.asgi import request, settled

ACCOUNT, REGION = "000000000000", "eu-west-1"

# Every private name that emulator.py, emulator_state.py and accounts.py use, with the parameters that they count on.
FUNCTIONS: list[tuple[Any, str, list[str]]] = [
    (app, "app", ["scope", "receive", "send"]),
    (app, "_credential_failure", ["service", "iam_action", "request_id", "denied", "headers"]),
    (app, "_build_persistence_save_dict", []),
    (app, "_get_module", ["name"]),
    (router, "detect_service", ["method", "path", "headers", "query_params"]),
    (router, "extract_access_key_id", ["headers", "query_params"]),
    (responses, "_account_from_sts_session", ["access_key_id"]),
    (responses, "error_response_json", ["code", "message", "status", "extra", "message_key", "content_type"]),
    (sts, "_session_tags", ["params", "check"]),
    (sts, "_assumed_role_arn", ["role_arn", "session_name"]),
    (
        iam_evaluator,
        "EvalContext",
        [
            *("principal_arn", "principal_type", "principal_account", "action", "resource_arn", "region"),
            *("source_ip", "secure_transport", "request_tags", "tag_keys", "service_context", "principal_keys"),
        ],
    ),
    (iam_evaluator, "evaluate_trust_policy", ["trust_doc", "caller_arn", "ctx"]),
    (iam_evaluator, "resolve_caller_identity", ["access_key_id"]),
    (iam_evaluator, "find_iam_access_key_account", ["access_key_id"]),
    (s3, "_bucket_owner_account", ["name"]),
    (
        s3,
        "_foreign_bucket_allows",
        ["owner_account", "bucket_name", "key", "method", "query_params", "caller", "headers"],
    ),
    (responses, "request_scope", ["account_id", "region"]),
    (responses, "get_account_id", []),
    (responses, "get_region", []),
    (persistence, "_json_default", ["obj"]),
    (persistence, "_json_object_hook", ["obj"]),
    (eventbridge, "_put_events", ["data", "allow_aws_source"]),
    (eventbridge, "_invoke_target", ["target", "event", "rule", "view"]),
    (cloudwatch, "_evaluate_alarm", ["alarm"]),
    (cloudwatch, "_dispatch_alarm_actions", ["alarm", "old_state", "new_state", "reason"]),
    (
        cloudwatch,
        "_record_history",
        ["alarm_name", "old_state", "new_state", "reason", "alarm_type", "reason_data"],
    ),
    (cloudwatch, "_dims_key", ["dims"]),
    (cloudwatch, "_point_stats", ["pt"]),
    (cloudwatch_logs, "_filter_log_events", ["data"]),
    (cloudwatch_logs, "_resolve_log_group_name", ["data"]),
    (sts, "register_session", ["access_key", "session"]),
    (sts, "_session_expired", ["session"]),
    (iam_evaluator, "AuthError", ["code", "message", "details"]),
    (lambda_runtime, "_account_region_from_function_config", ["config"]),
    (lambda_runtime, "invalidate_worker", ["func_name", "qualifier", "account", "region"]),
    (s3, "get_state", []),
    (s3, "load_persisted_state", ["data"]),
    (lambda_svc, "get_state", []),
    (lambda_svc, "load_persisted_state", ["data"]),
]
MAPPINGS: list[tuple[Any, str]] = [
    (router, "SERVICE_PATTERNS"),
    (app, "SERVICE_HANDLERS"),
    (app, "_state_map"),
    (provisioners, "_RESOURCE_HANDLERS"),
    (sts, "_sessions"),
]
SCOPED_STORES: list[tuple[Any, str]] = [
    (iam, "_access_keys"),
    (iam, "_roles"),
    (cloudformation, "_stacks"),
    (cloudwatch, "_alarms"),
    (cloudwatch, "_metrics"),
    (cloudwatch_logs, "_log_groups"),
    (s3, "_buckets"),
    *((s3, name) for name in emulator_state._S3_STORES),
]


@pytest.fixture(scope="module")
def emulator() -> Emulator:
    return Emulator("http://127.0.0.1:1", "LKIATEST")


@pytest.fixture(autouse=True)
def empty() -> Iterator[None]:
    yield
    app._reset_all_state()


@pytest.mark.parametrize(("module", "name", "parameters"), FUNCTIONS)
def test_a_private_function_takes_what_it_took(module: Any, name: str, parameters: list[str]) -> None:
    assert list(inspect.signature(getattr(module, name)).parameters) == parameters


@pytest.mark.parametrize(("module", "name"), MAPPINGS)
def test_a_private_registry_is_a_dictionary(module: Any, name: str) -> None:
    assert isinstance(getattr(module, name), dict)


@pytest.mark.parametrize(("module", "name"), SCOPED_STORES)
def test_a_private_store_is_keyed_by_account(module: Any, name: str) -> None:
    store = getattr(module, name)
    assert isinstance(store, responses.AccountScopedDict | responses.AccountRegionScopedDict)
    assert isinstance(store._data, dict)


def test_a_registered_service_gets_its_requests_in_their_account_and_region(emulator: Emulator) -> None:
    seen: list[Any] = []

    async def handler(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
        seen.append((method, path, body, emulator.account_and_region()))
        return 200, {"Content-Type": "application/json"}, b"{}"

    emulator.register_service(
        "mars",
        target_prefixes=["MarsService."],
        host_patterns=[r"mars\."],
        path_patterns=[r"^/rovers/"],
        credential_scope="mars",
        handler=handler,
    )
    assert asyncio.run(request("other", "a", x_amz_target="MarsService.Land"))[0] == 200
    assert asyncio.run(request("mars", "b", path="/rovers/1", region="eu-west-2"))[0] == 200
    assert seen == [
        ("POST", "/", b"a", (ACCOUNT, "eu-west-1")),
        ("POST", "/rovers/1", b"b", (ACCOUNT, "eu-west-2")),
    ]


class RocketType:
    """A resource type that remembers what CloudFormation asked of it."""

    def __init__(self, emulator: Emulator) -> None:
        self.asked: list[Any] = []
        self.emulator = emulator
        emulator.register_resource_type("AWS::Mars::Rocket", create=self.create, update=self.update, delete=self.delete)

    def create(self, logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
        if properties["Name"] == "bad":
            raise ValueError("rockets are not called bad")
        self._note("create", logical_id, properties["Name"], stack_name)
        return properties["Name"], {"Fuel": "full"}

    def update(
        self, physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str
    ) -> tuple[str, dict[str, Any]]:
        self._note("update", physical_id, old["Name"], new["Name"], stack_name)
        return physical_id, {"Fuel": "half"}

    def delete(self, physical_id: str, properties: dict[str, Any]) -> None:
        self._note("delete", physical_id, properties["Name"])

    def _note(self, *asked: str) -> None:
        on_worker = threading.current_thread() is not threading.main_thread()
        self.asked.append((*asked, on_worker, self.emulator.account_and_region()))


async def stack_operation(action: str, name: str, rocket: str) -> dict[str, str]:
    template = {
        "Resources": {"Rocket": {"Type": "AWS::Mars::Rocket", "Properties": {"Name": rocket}}},
        "Outputs": {"Fuel": {"Value": {"Fn::GetAtt": ["Rocket", "Fuel"]}}},
    }
    body = {"Action": action, "Version": "2010-05-15", "StackName": name, "TemplateBody": json.dumps(template)}
    status, text = await request("cloudformation", urlencode(body))
    assert status == 200, text
    return await settled(name)


def test_cloudformation_creates_updates_and_deletes_a_registered_type_on_worker_threads(emulator: Emulator) -> None:
    rocket = RocketType(emulator)

    async def scenario() -> list[str]:
        created = await stack_operation("CreateStack", "launch", "one")
        updated = await stack_operation("UpdateStack", "launch", "two")
        await stack_operation("DeleteStack", "launch", "two")
        return [created["StackStatus"], created["OutputValue"], updated["StackStatus"], updated["OutputValue"]]

    assert asyncio.run(scenario()) == ["CREATE_COMPLETE", "full", "UPDATE_COMPLETE", "half"]
    assert rocket.asked == [
        ("create", "Rocket", "one", "launch", True, (ACCOUNT, REGION)),
        ("update", "one", "one", "two", "launch", True, (ACCOUNT, REGION)),
        ("delete", "one", "two", True, (ACCOUNT, REGION)),
    ]


def test_an_exception_of_a_registered_type_is_the_reason_of_the_rollback(emulator: Emulator) -> None:
    RocketType(emulator)

    async def scenario() -> tuple[str, str]:
        stack = await stack_operation("CreateStack", "failing", "bad")
        events = await request("cloudformation", "Action=DescribeStackEvents&Version=2010-05-15&StackName=failing")
        return stack["StackStatus"], events[1]

    status, events = asyncio.run(scenario())
    assert status == "ROLLBACK_COMPLETE"
    assert "rockets are not called bad" in events


def test_a_finished_stack_operation_asks_for_a_snapshot(emulator: Emulator) -> None:
    RocketType(emulator)
    emulator.snapshot_wanted()
    asyncio.run(stack_operation("CreateStack", "kept", "one"))
    assert emulator.snapshot_wanted()
    assert not emulator.snapshot_wanted()


def test_an_event_of_an_aws_source_reaches_a_rule_in_its_account_and_region(emulator: Emulator) -> None:
    entry = {"Source": "aws.sagemaker", "DetailType": "Test", "Detail": "{}", "Resources": []}

    async def scenario() -> str:
        await request("sqs", "Action=CreateQueue&QueueName=events&Version=2012-11-05")
        rule = {"Name": "all", "EventPattern": json.dumps({"source": ["aws.sagemaker"]})}
        await request("events", json.dumps(rule), x_amz_target="AWSEvents.PutRule")
        target = {"Id": "queue", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:events"}
        targets = {"Rule": "all", "Targets": [target]}
        await request("events", json.dumps(targets), x_amz_target="AWSEvents.PutTargets")
        await asyncio.to_thread(emulator.put_events, ACCOUNT, "us-west-2", [{**entry, "DetailType": "Elsewhere"}])
        await asyncio.to_thread(emulator.put_events, ACCOUNT, REGION, [entry])
        receive = f"Action=ReceiveMessage&QueueUrl=http://127.0.0.1:4566/{ACCOUNT}/events&Version=2012-11-05"
        return (await request("sqs", f"{receive}&MaxNumberOfMessages=10&WaitTimeSeconds=5"))[1]

    received = asyncio.run(scenario())
    assert received.count("<Message>") == 1
    assert "&quot;detail-type&quot;: &quot;Test&quot;" in received or '"detail-type": "Test"' in received


def test_a_refused_event_is_an_error(emulator: Emulator) -> None:
    nowhere = {"Source": "aws.sagemaker", "DetailType": "Test", "Detail": "{}", "EventBusName": "arn:not:a:bus"}
    with pytest.raises(RuntimeError, match="EventBridge refused an event"):
        emulator.put_events(ACCOUNT, REGION, [nowhere])


def test_an_expired_session_is_told_from_an_unknown_one(emulator: Emulator) -> None:
    sts.register_session("ASIAOLD", {"Arn": "arn:aws:sts::1:assumed-role/r/s"})
    sts._sessions["ASIAOLD"]["Expiration"] = time.time() - 1
    signed = "AWS4-HMAC-SHA256 Credential={}/20261122/eu-west-1/sts/aws4_request"
    codes = [emulator.refuse_key({"authorization": signed.format(key)}, {}) for key in ("ASIAOLD", "ASIANEW")]
    assert [refused and refused[0] for refused in codes] == ["ExpiredTokenException", "UnrecognizedClientException"]


def test_session_credentials_belong_to_their_role_and_are_not_guessable(emulator: Emulator) -> None:
    keys = emulator.session_credentials("arn:aws:iam::444455556666:role/job", "job-1")
    assert keys == emulator.session_credentials("arn:aws:iam::444455556666:role/job", "job-1")
    assert keys != emulator.session_credentials("arn:aws:iam::444455556666:role/job", "job-2")
    session = sts._sessions[keys["AWS_ACCESS_KEY_ID"]]
    assert session["Arn"] == "arn:aws:sts::444455556666:assumed-role/job/job-1"


def test_the_end_of_the_process_leaves_stacks_marked_as_interrupted() -> None:
    with responses.request_scope(ACCOUNT, REGION):
        cloudformation._stacks["half"] = {"StackName": "half", "StackId": "id", "StackStatus": "CREATE_IN_PROGRESS"}
        cloudformation._stacks["whole"] = {"StackName": "whole", "StackId": "id2", "StackStatus": "CREATE_COMPLETE"}
        assert emulator_state.mark_interrupted() == ["half (CREATE_IN_PROGRESS)"]
        assert cloudformation._stacks["half"]["StackStatus"] == "CREATE_FAILED"
        assert cloudformation._stacks["whole"]["StackStatus"] == "CREATE_COMPLETE"


def test_every_status_of_an_operation_under_way_has_one_for_its_interruption() -> None:
    statuses = service_model("cloudformation").shape_for("StackStatus").enum
    # A stack in review was never begun; CDK's change sets leave it so on purpose.
    under_way = {status for status in statuses if status.endswith("_IN_PROGRESS")} - {"REVIEW_IN_PROGRESS"}
    assert set(emulator_state._AFTER_INTERRUPTION) == under_way
    assert set(emulator_state._AFTER_INTERRUPTION.values()) <= set(statuses) - under_way


def test_metrics_and_alarms_are_read_and_a_change_of_state_is_told(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_evaluate_alarm", "_dispatch_alarm_actions", "_record_history"):
        monkeypatch.setattr(cloudwatch, name, getattr(cloudwatch, name))
    told: list[Any] = []
    emulator.take_over_alarms(lambda *change: told.append(change))
    alarm = {"AlarmName": "a", "Namespace": "N", "MetricName": "M", "Period": 60, "EvaluationPeriods": 1}
    alarm |= {"Statistic": "Sum", "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}
    datum = {"MetricName": "M", "Dimensions": [{"Name": "D", "Value": "1"}], "Timestamp": 100, "Unit": "Count"}
    counted = {**datum, "Values": [2, 5], "Counts": [3, 1]}
    summed = {**datum, "StatisticValues": {"SampleCount": 4, "Sum": 10, "Minimum": 1, "Maximum": 4}}

    async def scenario() -> None:
        for operation, body in (
            ("PutMetricAlarm", alarm),
            ("PutMetricData", {"Namespace": "N", "MetricData": [counted, summed]}),
            ("SetAlarmState", {"AlarmName": "a", "StateValue": "ALARM", "StateReason": "a drill"}),
        ):
            target = f"GraniteServiceVersion20100801.{operation}"
            kind = "application/x-amz-json-1.0"
            status, text = await request("monitoring", json.dumps(body), x_amz_target=target, content_type=kind)
            assert status == 200, text

    monkeypatch.setattr(cloudwatch, "TWO_WEEKS_SECONDS", time.time())
    asyncio.run(scenario())
    points = emulator.metric_points(ACCOUNT, REGION, "N", "M", {"D": "1"})
    assert points == [
        (100.0, (3.0, 6.0, 2.0, 2.0), "Count"),
        (100.0, (1.0, 5.0, 5.0, 5.0), "Count"),
        (100.0, (4.0, 10.0, 1.0, 4.0), "Count"),
    ]
    assert emulator.metric_points(ACCOUNT, REGION, "N", "M", {}) == []
    ((account, region, kept),) = emulator.metric_alarms()
    assert (account, region, kept["AlarmName"], kept["StateValue"]) == (ACCOUNT, REGION, "a", "ALARM")
    # Of ministack's own evaluation, which would have looked at the metric's values, there is no trace.
    assert [(where, here, changed["StateReason"], before) for where, here, changed, before in told] == [
        (ACCOUNT, REGION, "a drill", "INSUFFICIENT_DATA")
    ]
