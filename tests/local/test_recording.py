"""The record of AWS calls names them as IAM does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.local.accounts.session import OTHER, assume, client, keys_of, trust
from tests.local_aws import LocalAws
from tests.policies.calls import Call, read_calls


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A local AWS that writes down its calls."""
    aws = LocalAws(tmp_path_factory.mktemp("recorded"))
    try:
        yield aws.up(record_calls=True)
    finally:
        aws.down()


@pytest.fixture(scope="module")
def worker(recorded: LocalAws) -> str:
    """The ARN of a role."""
    made = recorded.client("iam").create_role(
        RoleName="worker", Path="/team/", AssumeRolePolicyDocument=json.dumps(trust({"AWS": recorded.account}))
    )
    return str(made["Role"]["Arn"])


def calls(aws: LocalAws, role: str) -> list[Call]:
    return read_calls(aws.paths.calls, role)


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "seen"),
    [
        ("s3", "put_object", {"Bucket": "calls", "Key": "a/b", "Body": b"x"}, [("s3:PutObject", "s3:::calls/a/b")]),
        ("s3", "head_object", {"Bucket": "calls", "Key": "a"}, [("s3:GetObject", "s3:::calls/a")]),
        ("s3", "list_objects_v2", {"Bucket": "calls"}, [("s3:ListBucket", "s3:::calls")]),
        (
            "s3",
            "copy_object",
            {"Bucket": "calls", "Key": "c", "CopySource": {"Bucket": "from", "Key": "k"}},
            [("s3:PutObject", "s3:::calls/c"), ("s3:GetObject", "s3:::from/k")],
        ),
        (
            "sagemaker",
            "describe_model_package",
            {"ModelPackageName": "arn:aws:sagemaker:eu-west-1:111122223333:model-package/g/1"},
            [("sagemaker:DescribeModelPackage", "sagemaker:{}:model-package/g/1")],
        ),
        (
            "sagemaker",
            "create_endpoint",
            {"EndpointName": "e", "EndpointConfigName": "c"},
            [("sagemaker:CreateEndpoint", "sagemaker:{}:endpoint/e", "sagemaker:{}:endpoint-config/c")],
        ),
        (
            "sagemaker",
            "create_model",
            {"ModelName": "m", "ExecutionRoleArn": "arn:aws:iam::111122223333:role/r"},
            [("sagemaker:CreateModel", "sagemaker:{}:model/m"), ("iam:PassRole", "iam::111122223333:role/r")],
        ),
        ("sagemaker", "list_endpoints", {}, [("sagemaker:ListEndpoints", "*")]),
        (
            "sagemaker-runtime",
            "invoke_endpoint",
            {"EndpointName": "e", "Body": b"1"},
            [("sagemaker:InvokeEndpoint", "sagemaker:{}:endpoint/e")],
        ),
        ("ssm", "get_parameter", {"Name": "/a/b"}, [("ssm:GetParameter", "ssm:{}:parameter/a/b")]),
        (
            "ssm",
            "get_parameters",
            {"Names": ["/a", "b"]},
            [("ssm:GetParameters", "ssm:{}:parameter/a", "ssm:{}:parameter/b")],
        ),
        ("lambda", "invoke", {"FunctionName": "f"}, [("lambda:InvokeFunction", "lambda:{}:function:f")]),
        ("sqs", "receive_message", {"QueueUrl": "http://q/111122223333/q"}, [("sqs:ReceiveMessage", "sqs:{}:q")]),
        (
            "sqs",
            "send_message_batch",
            {"QueueUrl": "http://q/111122223333/q", "Entries": [{"Id": "1", "MessageBody": "m"}]},
            [("sqs:SendMessage", "sqs:{}:q")],
        ),
        (
            "cloudformation",
            "describe_change_set",
            {"StackName": "s", "ChangeSetName": "c"},
            [("cloudformation:DescribeChangeSet", "cloudformation:{}:stack/s/*")],
        ),
        ("codebuild", "start_build", {"projectName": "p"}, [("codebuild:StartBuild", "codebuild:{}:project/p")]),
        (
            "codebuild",
            "batch_get_builds",
            {"ids": ["p:00000000-0000-0000-0000-000000000000"]},
            [("codebuild:BatchGetBuilds", "codebuild:{}:project/p")],
        ),
        (
            "logs",
            "put_log_events",
            {"logGroupName": "/g", "logStreamName": "s", "logEvents": [{"timestamp": 1, "message": "m"}]},
            [("logs:PutLogEvents", "logs:{}:log-group:/g:log-stream:s")],
        ),
        ("ecr", "get_authorization_token", {}, [("ecr:GetAuthorizationToken", "*")]),
        (
            "ecr",
            "describe_images",
            {"repositoryName": "repo"},
            [("ecr:DescribeImages", "ecr:{}:repository/repo")],
        ),
        (
            "cloudwatch",
            "put_metric_data",
            {"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": 1.0}]},
            [("cloudwatch:PutMetricData", "*")],
        ),
        ("iam", "get_role", {"RoleName": "r"}, [("iam:GetRole", "iam::111122223333:role/r")]),
        ("sts", "get_caller_identity", {}, [("sts:GetCallerIdentity", "*")]),
    ],
)
def test_a_call_is_recorded_as_iam_names_it(
    recorded: LocalAws,
    worker: str,
    service: str,
    operation: str,
    arguments: dict[str, Any],
    seen: list[tuple[str, ...]],
) -> None:
    made = client(recorded, service, assume(recorded, worker))
    before = len(calls(recorded, worker))
    try:
        getattr(made, operation)(**arguments)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    else:
        status = 200
    place = f"{recorded.region}:{recorded.account}"
    new = calls(recorded, worker)[before:]
    expected = [
        (action, [name if name == "*" else f"arn:aws:{name.format(place)}" for name in names])
        for action, *names in seen
    ]
    assert [(call.action, list(call.resources)) for call in new] == expected
    assert {call.status for call in new} == {status}
    # An answer to HEAD has no code.
    assert {bool(call.error) for call in new} == {status >= 400 and operation != "head_object"}
    assert {(call.role, call.account, call.region) for call in new} == {(worker, recorded.account, recorded.region)}
    assert {call.principal for call in new} == {f"arn:aws:sts::{recorded.account}:assumed-role/worker/test"}


def test_a_refused_assumption_is_recorded_with_its_error(recorded: LocalAws) -> None:
    role = f"arn:aws:iam::{OTHER}:role/none"
    with pytest.raises(ClientError):
        assume(recorded, role)
    call = calls(recorded, f"arn:aws:iam::{recorded.account}:root")[-1]
    assert (call.action, call.resources, call.status, call.error) == ("sts:AssumeRole", [role], 403, "AccessDenied")


def test_an_account_is_the_callers(recorded: LocalAws) -> None:
    client(recorded, "ssm", keys_of(recorded, OTHER)).get_parameters(Names=["n"])
    call = calls(recorded, f"arn:aws:iam::{OTHER}:role/OrganizationAccountAccessRole")[-1]
    assert (call.account, call.resources) == (OTHER, [f"arn:aws:ssm:{recorded.region}:{OTHER}:parameter/n"])


def test_what_nobody_signed_with_a_key_of_ours_is_not_recorded(recorded: LocalAws) -> None:
    before = recorded.paths.calls.read_text()
    stranger = boto3.client(
        "ssm", region_name=recorded.region, endpoint_url=recorded.url, aws_access_key_id="AKIAAAAAAAAAAAAAAAAA",
        aws_secret_access_key="s", config=Config(proxies={}),
    )  # fmt: skip
    with pytest.raises(ClientError, match="UnrecognizedClient"):
        stranger.get_parameters(Names=["n"])
    assert recorded.paths.calls.read_text() == before


def test_the_record_is_its_owners_alone_and_asked_for(recorded: LocalAws, local_aws: LocalAws) -> None:
    assert recorded.paths.calls.stat().st_mode & 0o777 == 0o600
    assert not local_aws.paths.calls.exists()
    refused = local_aws.modelyard("local", "up", "--account", local_aws.account, "--region", local_aws.region,
                                  "--record-calls", check=False)  # fmt: skip
    assert refused.returncode == 2
    assert "it runs without a record of calls: `modelyard local down` first" in refused.stderr
