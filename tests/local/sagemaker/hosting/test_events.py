"""The events of an endpoint, as a rule of EventBridge delivers them."""

from __future__ import annotations

from tests.local.sagemaker.hosting.endpoint_maker import IMAGE, EndpointMaker
from tests.local.sagemaker.hosting.inbox import Inbox


def test_every_state_is_told_in_the_spelling_of_events(maker: EndpointMaker, inbox: Inbox) -> None:
    config = maker.config_of({"name": "one"})
    name = maker.endpoint(config, Tags=[{"Key": "a", "Value": "b"}])
    creating, in_service = inbox.take(2)
    arn = f"arn:aws:sagemaker:eu-west-1:111122223333:endpoint/{name}"
    assert creating["detail-type"] == in_service["detail-type"] == "SageMaker Endpoint State Change"
    assert creating["source"] == "aws.sagemaker"
    assert creating["resources"] == [arn]
    assert creating["detail"]["EndpointStatus"] == "CREATING"
    detail = in_service["detail"]
    (variant,) = detail.pop("ProductionVariants")
    assert (variant["VariantName"], variant["CurrentInstanceCount"]) == ("AllTraffic", 1)
    assert variant["DeployedImages"][0]["SpecifiedImage"] == IMAGE
    described = maker.sagemaker.describe_endpoint(EndpointName=name)
    assert detail == {
        "EndpointName": name,
        "EndpointArn": arn,
        "EndpointConfigName": config,
        "EndpointStatus": "IN_SERVICE",
        "CreationTime": round(described["CreationTime"].timestamp() * 1000),
        "LastModifiedTime": round(described["LastModifiedTime"].timestamp() * 1000),
        "Tags": {"a": "b"},
    }
    maker.sagemaker.delete_endpoint(EndpointName=name)
    (deleting,) = inbox.take(1)
    assert deleting["detail"]["EndpointStatus"] == "DELETING"


def test_an_update_tells_how_far_its_deployment_is(maker: EndpointMaker, inbox: Inbox) -> None:
    before, after = maker.config_of({"name": "one"}), maker.config_of({"name": "two"})
    name = maker.endpoint(before)
    inbox.take(2)
    maker.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=after)
    events = inbox.take(4)
    states = [e["detail"] for e in events if e["detail-type"] == "SageMaker Endpoint State Change"]
    assert [(state["EndpointStatus"], state["EndpointConfigName"]) for state in states] == [
        ("UPDATING", before),
        ("IN_SERVICE", after),
    ]
    deployments = [e["detail"] for e in events if e["detail-type"] == "SageMaker Endpoint Deployment State Change"]
    pending = [deployment["PendingDeploymentSummary"] for deployment in deployments]
    assert [summary["EndpointConfigName"] for summary in pending] == [after, after]
    statuses = [summary["ProductionVariants"][0]["VariantStatus"][0] for summary in pending]
    assert [(status["Status"], status["StatusMessage"]) for status in statuses] == [
        ("Creating", "Launching 1 instance(s)."),
        ("ActivatingTraffic", "Activating traffic on full capacity of 1 instance(s)."),
    ]


def test_scaling_tells_to_how_many_instances(maker: EndpointMaker, inbox: Inbox) -> None:
    name = maker.endpoint(maker.config_of({"name": "one"}))
    inbox.take(2)
    for count in (2, 1):
        wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": count}]
        maker.sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=wanted)
        maker.settled(name)
    events = inbox.take(6)
    kinds = ["SageMaker Endpoint State Change", "SageMaker Endpoint Deployment State Change"]
    assert [event["detail-type"] for event in events] == [*kinds, kinds[0]] * 2
    statuses = [event["detail"]["ProductionVariants"][0].get("VariantStatus", [{}])[0] for event in events]
    scaling = [f"Scaling {way} desired instance count to {count}." for way, count in (("out", 2), ("in", 1))]
    assert [status.get("StatusMessage") for status in statuses] == [
        scaling[0],
        scaling[0],
        None,
        scaling[1],
        scaling[1],
        None,
    ]


def test_a_failed_update_tells_that_it_rolls_back(maker: EndpointMaker, inbox: Inbox) -> None:
    before, broken = maker.config_of({"name": "one"}), maker.config_of({"fails_to_load": True})
    name = maker.endpoint(before)
    inbox.take(2)
    maker.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=broken)
    events = [e["detail"] for e in inbox.take(4) if e["detail-type"] == "SageMaker Endpoint State Change"]
    assert [(event["EndpointStatus"], event["EndpointConfigName"]) for event in events] == [
        ("UPDATING", before),
        ("ROLLING_BACK", before),
        ("IN_SERVICE", before),
    ]


def test_a_failed_creation_tells_its_reason(maker: EndpointMaker, inbox: Inbox) -> None:
    maker.endpoint(maker.config_of({"fails_to_load": True}))
    creating, failed = inbox.take(2)
    assert creating["detail"]["EndpointStatus"] == "CREATING"
    assert failed["detail"]["EndpointStatus"] == "FAILED"
    assert failed["detail"]["FailureReason"].startswith("The primary container for production variant AllTraffic")
