"""Endpoints of real server processes: created, described, updated, scaled, deleted."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.sagemaker.hosting.endpoint_maker import IMAGE, ROLE, EndpointMaker

DID_NOT_LOAD = (
    "The primary container for production variant AllTraffic did not pass the ping health check. Please check "
    "CloudWatch logs for this endpoint. (the process ended with exit code 1) Last lines of its log:\n"
    "loading the model\nValueError: the model is broken"
)


def test_an_endpoint_is_described_and_listed_and_answers(maker: EndpointMaker) -> None:
    config = maker.config_of({"name": "one"}, InitialInstanceCount=2)
    name = maker.endpoint(config, Tags=[{"Key": "a", "Value": "b"}])
    described = maker.sagemaker.describe_endpoint(EndpointName=name)
    assert described["EndpointStatus"] == "InService"
    assert described["EndpointConfigName"] == config
    assert "FailureReason" not in described
    (variant,) = described["ProductionVariants"]
    (image,) = variant.pop("DeployedImages")
    assert (image["SpecifiedImage"], image["ResolvedImage"]) == (IMAGE, IMAGE)
    assert variant == {
        "VariantName": "AllTraffic",
        "CurrentWeight": 1.0,
        "DesiredWeight": 1.0,
        "CurrentInstanceCount": 2,
        "DesiredInstanceCount": 2,
    }
    listed = maker.sagemaker.list_endpoints(NameContains=maker.prefix, StatusEquals="InService")["Endpoints"]
    assert [endpoint["EndpointName"] for endpoint in listed] == [name]
    assert maker.sagemaker.list_tags(ResourceArn=described["EndpointArn"])["Tags"] == [{"Key": "a", "Value": "b"}]
    assert len({maker.invoke(name)["pid"] for _ in range(4)}) == 2


def test_an_endpoint_on_its_way_shows_what_it_does_and_takes_no_other_change(
    maker: EndpointMaker, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    config = maker.config_of({"name": "slow", "waits_for": str(go)})
    name = maker.endpoint(config, wait=False)
    described = maker.sagemaker.describe_endpoint(EndpointName=name)
    assert described["EndpointStatus"] == "Creating"
    (status,) = described["ProductionVariants"][0]["VariantStatus"]
    assert (status["Status"], status["StatusMessage"]) == ("Creating", "Launching 1 instance(s).")
    in_progress = f'Cannot update in-progress endpoint "{described["EndpointArn"]}".'
    for change, more in (("update_endpoint", {"EndpointConfigName": config}), ("delete_endpoint", {})):
        with pytest.raises(ClientError) as refused:
            getattr(maker.sagemaker, change)(EndpointName=name, **more)
        assert refused.value.response["Error"]["Message"] == in_progress
    go.touch()
    assert maker.settled(name)["EndpointStatus"] == "InService"


def test_the_program_finds_its_model_its_role_and_its_environment(maker: EndpointMaker) -> None:
    model = maker.model({"name": "one"}, environment={"MY_SETTING": "7"})
    environment = maker.invoke(maker.endpoint(maker.config(model)))["environment"]
    assert environment["MY_SETTING"] == "7"
    assert environment["SM_MODEL_DIR"] == "/opt/ml/model"
    assert environment["AWS_REGION"] == "eu-west-1"
    assert environment["AWS_ENDPOINT_URL"] == maker.aws.url
    assert environment["AWS_ACCESS_KEY_ID"].startswith("ASIA")


def test_a_model_in_network_isolation_has_no_credentials(maker: EndpointMaker) -> None:
    model = maker.model({"name": "one"}, EnableNetworkIsolation=True)
    environment = maker.invoke(maker.endpoint(maker.config(model)))["environment"]
    assert environment == {
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "SM_MODEL_DIR": "/opt/ml/model",
    }


def test_a_model_may_be_files_under_a_prefix(maker: EndpointMaker) -> None:
    maker.aws.client("s3").put_object(Bucket=maker.prefix, Key="files/model.json", Body=b'{"name": "from a prefix"}')
    source = {"S3Uri": f"s3://{maker.prefix}/files/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    name = maker.name("model")
    container = {"Image": IMAGE, "ModelDataSource": {"S3DataSource": source}}
    maker.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    assert maker.invoke(maker.endpoint(maker.config(name)))["model"] == "from a prefix"


def test_output_goes_to_cloudwatch_logs(maker: EndpointMaker) -> None:
    name = maker.endpoint(maker.config_of({"name": "one"}))
    maker.invoke(name)
    maker.sagemaker.delete_endpoint(EndpointName=name)
    maker.gone(name)
    logs, group = maker.aws.client("logs"), f"/aws/sagemaker/Endpoints/{name}"
    (stream,) = logs.describe_log_streams(logGroupName=group)["logStreams"]
    assert stream["logStreamName"].startswith("AllTraffic/i-")
    events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
    assert [event["message"] for event in events] == ["GET /ping", "POST /invocations"]


FAILURES: list[tuple[dict[str, Any] | bytes, str]] = [
    ({"fails_to_load": True}, DID_NOT_LOAD),
    (
        b"no archive",
        'Failed to extract model data archive from URL "{uri}". Please ensure that the object located at the URL is a '
        "valid tar.gz archive. (not a gzip file)",
    ),
    (
        b"",
        'Failed to extract model data archive from URL "{uri}". Please ensure that the object located at the URL is a '
        "valid tar.gz archive. (empty file)",
    ),
]


@pytest.mark.parametrize(("content", "reason"), FAILURES)
def test_a_model_that_cannot_load_fails_its_endpoint(
    maker: EndpointMaker, content: dict[str, Any] | bytes, reason: str
) -> None:
    model = maker.model(content)
    uri = maker.sagemaker.describe_model(ModelName=model)["PrimaryContainer"]["ModelDataUrl"]
    name = maker.endpoint(maker.config(model))
    described = maker.sagemaker.describe_endpoint(EndpointName=name)
    assert described["EndpointStatus"] == "Failed"
    assert described["FailureReason"] == reason.replace("{uri}", uri)
    with pytest.raises(ClientError) as refused:
        maker.invoke(name)
    assert refused.value.response["Error"]["Message"] == f"Endpoint {name} of account 111122223333 not found."


def test_a_missing_artefact_and_an_unknown_image_fail_with_their_remedy(maker: EndpointMaker) -> None:
    uri = f"s3://{maker.prefix}/none.tar.gz"
    images = {IMAGE: uri, "registry.example.com/unknown:1": maker.artifact({"name": "one"})}
    reasons = []
    for image, url in images.items():
        model = maker.name("model")
        container = {"Image": image, "ModelDataUrl": url}
        maker.sagemaker.create_model(ModelName=model, PrimaryContainer=container, ExecutionRoleArn=ROLE)
        reasons.append(maker.settled(maker.endpoint(maker.config(model)))["FailureReason"])
    assert reasons == [
        f'Failed to download model data for container "container_1" from URL: "{uri}". Please ensure that there is an '
        "object located at the URL and that the role passed to CreateModel has permissions to download the object.",
        "Image registry.example.com/unknown:1 is not in ECR; register the folder it is built from with: "
        "modelyard local image registry.example.com/unknown:1 FOLDER",
    ]


def test_a_failed_endpoint_can_only_be_deleted(maker: EndpointMaker) -> None:
    name = maker.endpoint(maker.config_of({"fails_to_load": True}))
    with pytest.raises(ClientError) as refused:
        maker.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=maker.config_of({"name": "one"}))
    arn = f"arn:aws:sagemaker:eu-west-1:111122223333:endpoint/{name}"
    assert refused.value.response["Error"]["Message"] == (
        f'Cannot update the endpoint "{arn}" in status Failed: delete it and create it again.'
    )
    maker.sagemaker.delete_endpoint(EndpointName=name)
    maker.gone(name)


def test_no_request_fails_while_the_endpoint_is_updated(maker: EndpointMaker) -> None:
    name = maker.endpoint(maker.config_of({"name": "v0"}))
    configs = [maker.config_of({"name": f"v{number}"}) for number in range(1, 4)]
    seen: list[str] = []
    failures: list[Exception] = []
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            try:
                seen.append(maker.invoke(name, b"sleep 0.01")["model"])
            except Exception as error:
                failures.append(error)

    callers = [threading.Thread(target=ask) for _ in range(3)]
    for caller in callers:
        caller.start()
    answered = []
    for config in configs:
        maker.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config)
        assert maker.settled(name)["EndpointConfigName"] == config
        answered.append(maker.invoke(name)["model"])
    ended.set()
    for caller in callers:
        caller.join()
    assert answered == ["v1", "v2", "v3"]
    assert failures == []
    assert set(seen) <= {"v0", "v1", "v2", "v3"} and len(seen) > len(callers)


def test_an_update_that_fails_leaves_the_old_configuration_in_service(maker: EndpointMaker) -> None:
    config = maker.config_of({"name": "one"})
    name = maker.endpoint(config)
    pid = maker.invoke(name)["pid"]
    maker.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=maker.config_of({"fails_to_load": True}))
    described = maker.settled(name)
    assert described["EndpointStatus"] == "InService"
    assert described["EndpointConfigName"] == config
    assert described["FailureReason"] == DID_NOT_LOAD
    assert "PendingDeploymentSummary" not in described
    answered = maker.invoke(name)
    assert (answered["model"], answered["pid"]) == ("one", pid)


def test_an_endpoint_goes_on_without_its_model_and_configuration(maker: EndpointMaker) -> None:
    model = maker.model({"name": "one"})
    config = maker.config(model)
    name = maker.endpoint(config)
    maker.sagemaker.delete_endpoint_config(EndpointConfigName=config)
    maker.sagemaker.delete_model(ModelName=model)
    assert maker.invoke(name)["model"] == "one"


def test_counts_and_weights_are_changed_in_place_and_retained_by_an_update(maker: EndpointMaker) -> None:
    name = maker.endpoint(maker.config(maker.model({"name": "a"}), maker.model({"name": "b"})))
    pid = maker.invoke(name, TargetVariant="v0")["pid"]
    maker.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name,
        DesiredWeightsAndCapacities=[
            {"VariantName": "v0", "DesiredWeight": 3, "DesiredInstanceCount": 2},
            {"VariantName": "v1", "DesiredWeight": 1},
        ],
    )

    def shown() -> list[tuple[float, int]]:
        variants = maker.settled(name)["ProductionVariants"]
        return [(variant["CurrentWeight"], variant["CurrentInstanceCount"]) for variant in variants]

    assert shown() == [(3.0, 2), (1.0, 1)]
    assert pid in {maker.invoke(name, TargetVariant="v0")["pid"] for _ in range(2)}
    assert sorted(maker.invoke(name)["model"] for _ in range(8)) == ["a"] * 6 + ["b"] * 2

    config = maker.config(maker.model({"name": "c"}), maker.model({"name": "d"}))
    maker.sagemaker.update_endpoint(
        EndpointName=name,
        EndpointConfigName=config,
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredWeight"}],
    )
    assert shown() == [(1.0, 2), (1.0, 1)]
    maker.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config)
    assert shown() == [(1.0, 1), (1.0, 1)]
    maker.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name, DesiredWeightsAndCapacities=[{"VariantName": "v1", "DesiredWeight": 0}]
    )
    assert shown() == [(1.0, 1), (0.0, 1)]
    assert {maker.invoke(name)["model"] for _ in range(4)} == {"c"}
