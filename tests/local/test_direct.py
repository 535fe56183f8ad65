"""The server's own clients are answered in the process, with what HTTP would have brought."""

from __future__ import annotations

import asyncio
import io
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

from modelyard.local.direct import Direct
from modelyard.local.emulator import asgi_app

NOWHERE = "http://127.0.0.1:1"


def client(service: str, direct: Direct) -> Any:
    """A client whose endpoint nobody listens on."""
    made = boto3.client(
        service,
        endpoint_url=NOWHERE,
        region_name="eu-west-1",
        aws_access_key_id="111122223333",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )
    direct.attach(made)
    return made


@pytest.fixture
def direct() -> Iterator[Direct]:
    """Answers on a loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    made = Direct(asgi_app)
    made.serve_on(loop)
    yield made
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.mark.parametrize(
    "body", [b"bytes \x00\xff", "text", io.BytesIO(b"a file" * 100_000)], ids=["bytes", "text", "file"]
)
def test_an_object_comes_back_as_it_was_put(direct: Direct, body: Any) -> None:
    s3 = client("s3", direct)
    bucket = f"direct-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    sent = body.getvalue() if isinstance(body, io.BytesIO) else body.encode() if isinstance(body, str) else body
    s3.put_object(Bucket=bucket, Key="a key/with space", Body=body, Metadata={"name": "value"})
    found = s3.get_object(Bucket=bucket, Key="a key/with space")
    assert found["Body"].read() == sent
    assert found["Metadata"] == {"name": "value"}
    assert s3.head_object(Bucket=bucket, Key="a key/with space")["ContentLength"] == len(sent)
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix="a key/")["Contents"]] == [
        "a key/with space"
    ]


def test_an_error_is_the_services_own(direct: Direct) -> None:
    with pytest.raises(ClientError) as raised:
        client("ssm", direct).get_parameter(Name="/none")
    assert raised.value.response["Error"]["Code"] == "ParameterNotFound"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_until_the_loop_serves_requests_go_out_over_http() -> None:
    with pytest.raises(EndpointConnectionError):
        client("ssm", Direct(asgi_app)).get_parameter(Name="/none")
