"""What the constructs let others do, and what they tell."""

from __future__ import annotations

import pytest
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns

from tests.foreign.stacks import Template, bare_stack, ten_lines

ARN = "arn:aws:sagemaker:eu-west-1:111122223333"


@pytest.fixture(scope="module")
def granted() -> Template:
    stack = bare_stack()
    registry, pipeline, endpoint = ten_lines(stack)
    principal = iam.ServicePrincipal("lambda.amazonaws.com")
    client, starter, reader, reviewer = (
        iam.Role(stack, id, assumed_by=principal) for id in ("Client", "Starter", "Reader", "Reviewer")
    )
    endpoint.grant_invoke(client)
    pipeline.grant_start_execution(starter)
    registry.grant_read(reader)
    registry.grant_approve(reviewer)
    topic = sns.Topic(stack, "Failures")
    pipeline.on_execution_failed("Failed", target=targets.SnsTopic(topic))
    endpoint.metric_invocation_5xx_errors().create_alarm(stack, "Alarm", threshold=1, evaluation_periods=1)
    return Template(stack)


def test_whoever_may_invoke_may_nothing_else(granted: Template) -> None:
    assert granted.allowed("Client") == {
        ("sagemaker:InvokeEndpoint", f"{ARN}:endpoint/rings"),
        ("sagemaker:InvokeEndpointWithResponseStream", f"{ARN}:endpoint/rings"),
    }


def test_whoever_may_start_the_pipeline_may_start_it_alone(granted: Template) -> None:
    assert granted.allowed("Starter") == {("sagemaker:StartPipelineExecution", f"{ARN}:pipeline/rings")}


def test_a_reader_of_the_registry_approves_nothing_and_a_reviewer_does(granted: Template) -> None:
    group, versions = "<RegistryGroup", f"{ARN}:model-package/rings/*"
    lists = {(f"sagemaker:List{kind}", "*") for kind in ("ModelPackageGroups", "ModelPackages")}
    described = ("DescribeModelPackage", "DescribeModelPackageGroup")
    reading = lists | {(f"sagemaker:{action}", on) for action in described for on in (group, versions)}
    assert granted.allowed("Reader") == reading
    approving = {("sagemaker:UpdateModelPackage", on) for on in (group, versions)}
    assert granted.allowed("Reviewer") == reading | approving


def test_a_failed_execution_is_told(granted: Template) -> None:
    (rule,) = (rule for rule in granted.of("AWS::Events::Rule") if "pipelineArn" in str(rule))
    assert rule["EventPattern"]["detail"]["currentPipelineExecutionStatus"] == ["Failed"]
    assert len(rule["Targets"]) == 1


def test_a_metric_is_that_of_all_instances_of_the_endpoint(granted: Template) -> None:
    (alarm,) = (each for each in granted.of("AWS::CloudWatch::Alarm") if each["Namespace"] == "AWS/SageMaker")
    assert alarm["MetricName"] == "Invocation5XXErrors"
    assert {each["Name"]: each["Value"] for each in alarm["Dimensions"]} == {
        "EndpointName": "rings",
        "VariantName": "AllTraffic",
    }
