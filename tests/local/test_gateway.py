"""Who may talk to the local AWS."""

from __future__ import annotations

import html
import http.client
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from modelyard.local.instance import Instance
from tests.local_aws import LocalAws

SIGNED = "AWS4-HMAC-SHA256 Credential={key}/20261122/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
LIST_STACKS = b"Action=ListStacks&Version=2010-05-15"


def send(
    aws: LocalAws, method: str = "POST", path: str = "/", body: bytes = LIST_STACKS, **headers: str
) -> tuple[int, str, dict[str, str]]:
    """One raw request, signed with the instance's key unless ``authorization`` is given; "" leaves a header out."""
    sent = {
        "host": f"127.0.0.1:{aws.instance.port}",
        "authorization": SIGNED.format(key=aws.instance.access_key, service="cloudformation"),
        "content-type": "application/x-www-form-urlencoded",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    connection = http.client.HTTPConnection("127.0.0.1", aws.instance.port, timeout=30)
    connection.putrequest(method, path, skip_host=True)
    for name, value in sent.items():
        if value:
            connection.putheader(name, value)
    connection.putheader("content-length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text, {name.lower(): value for name, value in answer.getheaders()}


def client_with(aws: LocalAws, service: str, key: str) -> Any:
    return boto3.Session().client(
        service,
        region_name=aws.region,
        endpoint_url=aws.url,
        aws_access_key_id=key,
        aws_secret_access_key="secret",
    )


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", "LOCALHOST"])
def test_a_loopback_host_is_served(local_aws: LocalAws, name: str) -> None:
    assert send(local_aws, host=f"{name}:{local_aws.instance.port}")[0] == 200


def test_a_bucket_may_be_addressed_by_its_host(local_aws: LocalAws) -> None:
    bucket = local_aws.instance.default_bucket
    local_aws.client("s3").put_object(Bucket=bucket, Key="by-host", Body=b"content")
    signed = SIGNED.format(key=local_aws.instance.access_key, service="s3")
    host = f"{bucket}.s3.localhost:{local_aws.instance.port}"
    assert send(local_aws, "GET", "/by-host", b"", host=host, authorization=signed)[:2] == (200, "content")


@pytest.mark.parametrize(
    "host",
    ["evil.example:{port}", "127.0.0.1.evil.example:{port}", "localhost.evil:{port}", "127.0.0.1:1", "127.0.0.1"],
)
def test_a_foreign_host_is_refused(local_aws: LocalAws, host: str) -> None:
    host = host.format(port=local_aws.instance.port)
    status, text, _headers = send(local_aws, host=host)
    assert status == 403
    assert "<Code>AccessDenied</Code>" in text
    assert f"<Message>Host '{host}' is not a loopback name of this local AWS</Message>" in html.unescape(text)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://localhost.evil.example", "null", "http://127.0.0.1:1"]
)
def test_a_foreign_origin_is_refused(local_aws: LocalAws, origin: str) -> None:
    status, text, headers = send(local_aws, origin=origin)
    assert status == 403
    assert f"<Message>Origin '{origin}' may not use this local AWS</Message>" in html.unescape(text)
    assert not [name for name in headers if name.startswith("access-control-")]


def test_a_preflight_of_a_foreign_origin_is_refused(local_aws: LocalAws) -> None:
    status, _text, headers = send(
        local_aws, "OPTIONS", body=b"", origin="https://evil.example", access_control_request_method="POST"
    )
    assert status == 403
    assert not [name for name in headers if name.startswith("access-control-")]


def test_no_answer_allows_other_origins(local_aws: LocalAws) -> None:
    status, _text, headers = send(local_aws)
    assert status == 200
    assert not [name for name in headers if name.startswith("access-control-")]


def test_an_unsigned_form_post_is_refused(local_aws: LocalAws) -> None:
    status, text, _headers = send(local_aws, authorization="")
    assert status == 403
    assert "MissingAuthenticationToken" in text


# The code that AWS itself answers differs by protocol.
INVALID = "The security token included in the request is invalid."
MESSAGES = {"InvalidAccessKeyId": "The AWS Access Key Id you provided does not exist in our records."}
REFUSALS: list[tuple[str, str, dict[str, Any], str, int]] = [
    ("sts", "get_caller_identity", {}, "InvalidClientTokenId", 403),
    ("cloudformation", "list_stacks", {}, "InvalidClientTokenId", 403),
    ("ssm", "describe_parameters", {}, "UnrecognizedClientException", 400),
    ("sagemaker", "list_endpoints", {}, "UnrecognizedClientException", 400),
    ("lambda", "list_functions", {}, "UnrecognizedClientException", 403),
    ("s3", "list_buckets", {}, "InvalidAccessKeyId", 403),
]


@pytest.mark.parametrize(("service", "operation", "arguments", "code", "status"), REFUSALS)
@pytest.mark.parametrize("key", ["AKIAIOSFODNN7EXAMPLE", "111122223333", "000000000000", "test"])
def test_a_wrong_key_is_refused_in_the_words_of_the_service(
    local_aws: LocalAws, service: str, operation: str, arguments: dict[str, Any], code: str, status: int, key: str
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(client_with(local_aws, service, key), operation)(**arguments)
    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["Error"]["Message"] == MESSAGES.get(code, INVALID)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_the_keys_of_an_assumed_role_are_accepted(local_aws: LocalAws) -> None:
    role = "arn:aws:iam::444455556666:role/OrganizationAccountAccessRole"
    keys = local_aws.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    other = boto3.Session().client(
        "sts",
        region_name=local_aws.region,
        endpoint_url=local_aws.url,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    assert other.get_caller_identity()["Account"] == "444455556666"


def test_the_key_of_an_iam_user_is_accepted_until_it_is_deactivated(local_aws: LocalAws) -> None:
    iam = local_aws.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    assert client_with(local_aws, "sts", key).get_caller_identity()["Account"] == local_aws.account
    iam.update_access_key(UserName="ann", AccessKeyId=key, Status="Inactive")
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        client_with(local_aws, "sts", key).get_caller_identity()


def test_a_presigned_url_works_and_one_with_a_wrong_key_does_not(local_aws: LocalAws) -> None:
    s3 = local_aws.client("s3")
    s3.put_object(Bucket=local_aws.instance.default_bucket, Key="presigned", Body=b"content")
    where = {"Bucket": local_aws.instance.default_bucket, "Key": "presigned"}
    url = s3.generate_presigned_url("get_object", Params=where)
    path = url.removeprefix(local_aws.url)
    assert send(local_aws, "GET", path, b"", authorization="")[:2] == (200, "content")
    wrong = path.replace(local_aws.instance.access_key, "AKIAIOSFODNN7EXAMPLE")
    status, text, _headers = send(local_aws, "GET", wrong, b"", authorization="")
    assert (status, "<Code>InvalidAccessKeyId</Code>" in text) == (403, True)


def test_an_object_cannot_be_read_without_a_key(local_aws: LocalAws) -> None:
    local_aws.client("s3").put_object(Bucket=local_aws.instance.default_bucket, Key="secret", Body=b"content")
    status, text, _headers = send(
        local_aws, "GET", f"/{local_aws.instance.default_bucket}/secret", b"", authorization=""
    )
    assert (status, "<Code>AccessDenied</Code>" in text) == (403, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/_ministack/reset"),
        ("POST", "/_ministack/config"),
        ("GET", "/_localstack/info"),
        ("GET", "/_ministack/health/../reset"),
        ("POST", "/_ministack/health"),
        ("GET", "/_ministack/sqs/messages"),
    ],
)
def test_the_emulators_own_switches_are_closed_even_with_the_key(local_aws: LocalAws, method: str, path: str) -> None:
    assert send(local_aws, method, path, b"")[0] == 403
    assert local_aws.instance.default_bucket in str(local_aws.client("s3").list_buckets())


def test_the_health_check_needs_no_key(local_aws: LocalAws) -> None:
    assert send(local_aws, "GET", "/_ministack/health", b"", authorization="")[0] == 200


def test_nothing_but_loopback_is_listened_on(local_aws: LocalAws) -> None:
    table = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    port = f"{local_aws.instance.port:04X}"
    listening = {row[1] for row in table if row[3] == "0A" and row[1].endswith(f":{port}")}
    assert listening == {f"0100007F:{port}"}


def test_an_instance_has_a_key_of_its_own() -> None:
    assert Instance.new_keys() != Instance.new_keys()
