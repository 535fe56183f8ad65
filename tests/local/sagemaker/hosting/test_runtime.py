"""InvokeEndpoint: what goes to the container, what comes back, and every way it can fail."""

from __future__ import annotations

import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.sagemaker.hosting.endpoint_maker import EndpointMaker


def failure(maker: EndpointMaker, endpoint: str, body: bytes = b"1", **more: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as refused:
        maker.invoke(endpoint, body, **more)
    response: dict[str, Any] = refused.value.response
    return response


def test_headers_go_to_the_container_and_come_back(maker: EndpointMaker) -> None:
    name = maker.endpoint(maker.config_of({"name": "one"}))
    seen = maker.invoke(name, b"1,2", ContentType="text/csv", Accept="application/json")
    assert (seen["content_type"], seen["accept"], seen["length"]) == ("text/csv", "application/json", 3)
    answer = maker.runtime.invoke_endpoint(EndpointName=name, Body=b"1", CustomAttributes="c000b4f9")
    assert answer["ContentType"] == "application/json"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert answer["CustomAttributes"] == "seen c000b4f9"


def test_six_mebibytes_are_taken_and_a_byte_more_is_not(maker: EndpointMaker) -> None:
    name = maker.endpoint(maker.config_of({"name": "one"}))
    assert maker.invoke(name, b"x" * 6_291_456)["length"] == 6_291_456
    response = failure(maker, name, b"x" * 6_291_457)
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert response["Error"]["Message"] == "HTTP content length exceeded 6291456 bytes."


@pytest.mark.parametrize(
    ("body", "status", "kind", "original"),
    [(b"garbage", 400, "client", "cannot read garbage"), (b"raise", 500, "server", "worker raised")],
)
def test_an_error_of_the_container_is_a_model_error(
    maker: EndpointMaker, body: bytes, status: int, kind: str, original: str
) -> None:
    name = maker.endpoint(maker.config_of({"name": "one"}))
    response = failure(maker, name, body)
    group = f"/aws/sagemaker/Endpoints/{name}"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["Error"]["Code"] == "ModelError"
    assert response["Error"]["Message"] == (
        f'Received {kind} error ({status}) from primary with message "{original}". See '
        f"https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logEventViewer:group={group} "
        "in account 111122223333 for more information."
    )
    assert response["OriginalStatusCode"] == status
    assert response["OriginalMessage"] == original
    assert response["LogStreamArn"] == f"arn:aws:logs:eu-west-1:111122223333:log-group:{group}"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"TargetVariant": "none"}, "Variant none of endpoint {name} not found."),
    ({"TargetModel": "m.tar.gz"}, "TargetModel is not supported by the local AWS."),
    ({"InferenceComponentName": "c"}, "InferenceComponentName is not supported by the local AWS."),
    ({"EndpointName": "none"}, "Endpoint none of account 111122223333 not found."),
]


@pytest.mark.parametrize(("request_", "message"), REFUSED)
def test_what_cannot_be_asked_is_refused(maker: EndpointMaker, request_: dict[str, Any], message: str) -> None:
    name = maker.endpoint(maker.config_of({"name": "one"}))
    with pytest.raises(ClientError) as refused:
        maker.runtime.invoke_endpoint(**{"EndpointName": name, "Body": b"1", **request_})
    assert refused.value.response["Error"] == {
        "Code": "ValidationError",
        "Message": message.format(name=name),
    }


def test_asynchronous_and_streamed_invocations_say_that_they_are_not_supported(maker: EndpointMaker) -> None:
    calls: dict[str, Any] = {
        "InvokeEndpointAsync": lambda: maker.runtime.invoke_endpoint_async(EndpointName="e", InputLocation="s3://b/k"),
        "InvokeEndpointWithResponseStream": lambda: maker.runtime.invoke_endpoint_with_response_stream(
            EndpointName="e", Body=b"1"
        ),
    }
    for name, call in calls.items():
        with pytest.raises(ClientError) as refused:
            call()
        assert refused.value.response["Error"]["Message"] == f"{name} is not supported by the local AWS."


def test_a_dozen_requests_are_answered_at_once(maker: EndpointMaker) -> None:
    name = maker.endpoint(maker.config_of({"name": "one"}))
    with ThreadPoolExecutor(max_workers=12) as pool:
        answers = list(pool.map(lambda _: maker.invoke(name, b"meet"), range(12)))
    assert [answer["model"] for answer in answers] == ["one"] * 12


def test_a_request_without_a_key_is_refused(maker: EndpointMaker) -> None:
    name = maker.endpoint(maker.config_of({"name": "one"}))
    request = urllib.request.Request(f"{maker.aws.url}/endpoints/{name}/invocations", data=b"1", method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 403
    refused.value.close()
