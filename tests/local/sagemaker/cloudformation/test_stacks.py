"""SageMaker's resource types in stacks of the local AWS."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.sagemaker.cloudformation.stacks import Resources, Stack
from tests.local.sagemaker.hosting.endpoint_maker import IMAGE, ROLE, EndpointMaker
from tests.local_aws import LocalAws

STEP = '{"Name": "Refuse", "Type": "Fail", "Arguments": {"ErrorMessage": "no"}}'
DEFINITION = f'{{"Version": "2020-12-01", "Metadata": {{}}, "Parameters": [], "Steps": [{STEP}]}}'


@pytest.fixture
def maker(local_aws: LocalAws) -> EndpointMaker:
    return EndpointMaker(local_aws)


@pytest.fixture
def stack(local_aws: LocalAws) -> Stack:
    return Stack(local_aws)


def group(name: str, **more: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::SageMaker::ModelPackageGroup",
        "Properties": {"ModelPackageGroupName": name, **more},
        "Metadata": {"outputs": ["ModelPackageGroupArn", "ModelPackageGroupStatus"]},
    }


def serving(maker: EndpointMaker, endpoint: str, model: dict[str, Any]) -> Resources:
    container = {"Image": IMAGE, "ModelDataUrl": maker.artifact(model)}
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": "1",
    }
    config = {"Fn::GetAtt": ["Config", "EndpointConfigName"]}
    return {
        "Model": {
            "Type": "AWS::SageMaker::Model",
            "Properties": {"ExecutionRoleArn": ROLE, "PrimaryContainer": container},
        },
        "Config": {"Type": "AWS::SageMaker::EndpointConfig", "Properties": {"ProductionVariants": [variant]}},
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {"EndpointName": endpoint, "EndpointConfigName": config},
            "Metadata": {"outputs": ["EndpointName"]},
        },
    }


def test_a_stack_serves_updates_and_leaves_nothing(maker: EndpointMaker, stack: Stack) -> None:
    endpoint = maker.name("endpoint")
    assert stack.create(serving(maker, endpoint, {"name": "one"})) == "CREATE_COMPLETE"
    assert stack.outputs() == {"EndpointEndpointName": endpoint}
    assert stack.physical_ids()["Endpoint"].endswith(f":endpoint/{endpoint}")
    assert maker.invoke(endpoint)["model"] == "one"
    before = stack.physical_ids()

    assert stack.update(serving(maker, endpoint, {"name": "two"})) == "UPDATE_COMPLETE"
    assert maker.invoke(endpoint)["model"] == "two"
    after = stack.physical_ids()
    assert {name for name in after if before[name] != after[name]} == {"Model", "Config"}
    models = maker.sagemaker.list_models(NameContains=stack.name)["Models"]
    assert [model["ModelArn"] for model in models] == [after["Model"]]

    assert stack.delete() == "DELETE_COMPLETE"
    for listed, key in (("list_models", "Models"), ("list_endpoint_configs", "EndpointConfigs")):
        assert getattr(maker.sagemaker, listed)(NameContains=stack.name)[key] == []
    assert maker.sagemaker.list_endpoints(NameContains=endpoint)["Endpoints"] == []


def test_an_endpoint_that_does_not_come_up_fails_its_stack_and_is_deleted(maker: EndpointMaker, stack: Stack) -> None:
    endpoint = maker.name("endpoint")
    assert stack.create(serving(maker, endpoint, {"fails_to_load": True})) == "ROLLBACK_COMPLETE"
    assert stack.failure() == (
        f"Endpoint {endpoint} is not in service: The primary container for production variant AllTraffic did not pass "
        "the ping health check. Please check CloudWatch logs for this endpoint. (the process ended with exit code 1) "
        "Last lines of its log:\nloading the model\nValueError: the model is broken"
    )
    assert maker.sagemaker.list_endpoints(NameContains=endpoint)["Endpoints"] == []


def test_a_failed_update_serves_what_served_before(maker: EndpointMaker, stack: Stack) -> None:
    endpoint = maker.name("endpoint")
    stack.create(serving(maker, endpoint, {"name": "one"}))
    assert stack.update(serving(maker, endpoint, {"fails_to_load": True})) == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.failure().startswith(f"Endpoint {endpoint} was not updated: The primary container for production")
    assert maker.invoke(endpoint)["model"] == "one"
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_group_has_the_tags_of_its_stack_and_follows_them(maker: EndpointMaker, stack: Stack) -> None:
    resources = {"Group": group(stack.name, Tags=[{"Key": "own", "Value": "1"}])}
    assert stack.create(resources, Tags=[{"Key": "stage", "Value": "dev"}]) == "CREATE_COMPLETE"
    arn = stack.physical_ids()["Group"]
    assert stack.outputs() == {
        "GroupModelPackageGroupArn": arn,
        "GroupModelPackageGroupStatus": "Completed",
    }

    def tags() -> dict[str, str]:
        found = maker.sagemaker.list_tags(ResourceArn=arn)["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found if not tag["Key"].startswith("aws:")}

    assert tags() == {"own": "1", "stage": "dev"}
    changed = {"Group": group(stack.name, Tags=[{"Key": "other", "Value": "2"}])}
    assert stack.update(changed, Tags=[{"Key": "stage", "Value": "prod"}]) == "UPDATE_COMPLETE"
    assert stack.physical_ids()["Group"] == arn
    assert tags() == {"other": "2", "stage": "prod"}
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_groups_policy_is_put_changed_and_taken_away(maker: EndpointMaker, stack: Stack) -> None:
    name = {"ModelPackageGroupName": stack.name}
    stack.create({"Group": group(stack.name, ModelPackageGroupPolicy={"Version": "2012-10-17", "Statement": []})})
    policy = maker.sagemaker.get_model_package_group_policy(**name)["ResourcePolicy"]
    assert policy == '{"Version": "2012-10-17", "Statement": []}'
    assert stack.update({"Group": group(stack.name)}) == "UPDATE_COMPLETE"
    with pytest.raises(maker.sagemaker.exceptions.ClientError, match="Cannot find resource policy for"):
        maker.sagemaker.get_model_package_group_policy(**name)
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_group_with_versions_stays_when_its_stack_is_deleted(maker: EndpointMaker, stack: Stack) -> None:
    stack.create({"Group": group(stack.name)})
    package = maker.sagemaker.create_model_package(ModelPackageGroupName=stack.name)["ModelPackageArn"]
    assert stack.delete() == "DELETE_FAILED"
    assert stack.failure() == (
        f"Model Package Group {stack.physical_ids()['Group']} cannot be deleted as it still contains Model Packages."
    )
    maker.sagemaker.delete_model_package(ModelPackageName=package)
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_package_is_approved_in_place(maker: EndpointMaker, stack: Stack) -> None:
    def resources(**more: Any) -> Resources:
        properties = {"ModelPackageGroupName": {"Fn::GetAtt": ["Group", "ModelPackageGroupArn"]}, **more}
        package = {"Type": "AWS::SageMaker::ModelPackage", "Properties": properties}
        return {"Group": group(stack.name), "Package": package}

    assert stack.create(resources(ApprovalDescription="new")) == "CREATE_COMPLETE", stack.failure()
    arn = stack.physical_ids()["Package"]
    assert arn.endswith(f":model-package/{stack.name}/1")
    assert stack.update(resources(ModelApprovalStatus="Approved")) == "UPDATE_COMPLETE"
    assert stack.physical_ids()["Package"] == arn
    described = maker.sagemaker.describe_model_package(ModelPackageName=arn)
    assert described["ModelApprovalStatus"] == "Approved"
    assert stack.delete() == "DELETE_COMPLETE"


@pytest.mark.parametrize("by", ["body", "S3 location"])
def test_a_pipeline_is_made_from_a_body_or_from_s3(maker: EndpointMaker, stack: Stack, by: str) -> None:
    def resources(description: str) -> Resources:
        definition: dict[str, Any] = {"PipelineDefinitionBody": DEFINITION}
        if by == "S3 location":
            maker.aws.client("s3").put_object(Bucket=maker.prefix, Key="pipeline.json", Body=DEFINITION.encode())
            definition = {"PipelineDefinitionS3Location": {"Bucket": maker.prefix, "Key": "pipeline.json"}}
        properties = {
            "PipelineName": stack.name,
            "RoleArn": ROLE,
            "PipelineDefinition": definition,
            "PipelineDescription": description,
        }
        return {"Pipeline": {"Type": "AWS::SageMaker::Pipeline", "Properties": properties}}

    assert stack.create(resources("first")) == "CREATE_COMPLETE", stack.failure()
    assert stack.physical_ids() == {"Pipeline": stack.name}
    assert maker.sagemaker.describe_pipeline(PipelineName=stack.name)["PipelineDefinition"] == DEFINITION
    assert stack.update(resources("second")) == "UPDATE_COMPLETE"
    assert maker.sagemaker.describe_pipeline(PipelineName=stack.name)["PipelineDescription"] == "second"
    assert stack.delete() == "DELETE_COMPLETE"
    assert maker.sagemaker.list_pipelines(PipelineNamePrefix=stack.name)["PipelineSummaries"] == []


def test_a_definition_in_s3_that_is_another_is_refused(maker: EndpointMaker, stack: Stack) -> None:
    tag = maker.aws.client("s3").put_object(Bucket=maker.prefix, Key="pipeline.json", Body=DEFINITION.encode())["ETag"]
    location = {"Bucket": maker.prefix, "Key": "pipeline.json", "ETag": "0123"}
    definition = {"PipelineDefinitionS3Location": location}
    properties = {"PipelineName": stack.name, "RoleArn": ROLE, "PipelineDefinition": definition}
    resource = {"Type": "AWS::SageMaker::Pipeline", "Properties": properties}
    assert stack.create({"Pipeline": resource}) == "ROLLBACK_COMPLETE"
    assert stack.failure() == f"The object s3://{maker.prefix}/pipeline.json has the ETag {tag}, not 0123."


def test_what_somebody_else_has_deleted_does_not_hold_up_the_deletion(maker: EndpointMaker, stack: Stack) -> None:
    stack.create({"Group": group(stack.name)})
    maker.sagemaker.delete_model_package_group(ModelPackageGroupName=stack.name)
    assert stack.delete() == "DELETE_COMPLETE"


REFUSED: list[tuple[dict[str, Any], str]] = [
    (
        group("refused", Nope=1),
        "AWS::SageMaker::ModelPackageGroup: the property Nope is not supported by the local AWS.",
    ),
    (
        {"Type": "AWS::SageMaker::Pipeline", "Properties": {"PipelineName": "p", "PipelineDefinition": {}}},
        "AWS::SageMaker::Pipeline: PipelineDefinition needs PipelineDefinitionBody or PipelineDefinitionS3Location.",
    ),
    (
        {"Type": "AWS::SageMaker::Endpoint", "Properties": {"EndpointName": "e", "EndpointConfigName": "none"}},
        'Could not find endpoint configuration "arn:aws:sagemaker:eu-west-1:111122223333:endpoint-config/none".',
    ),
    (
        {"Type": "AWS::SageMaker::Model", "Properties": {"ModelName": "m"}},
        "Either PrimaryContainer or Containers must be provided.",
    ),
]


@pytest.mark.parametrize(("resource", "reason"), REFUSED)
def test_a_resource_that_cannot_be_made_says_why(stack: Stack, resource: dict[str, Any], reason: str) -> None:
    resource.pop("Metadata", None)
    assert stack.create({"Resource": resource}) == "ROLLBACK_COMPLETE"
    assert stack.failure() == reason


def test_a_named_resource_that_needs_replacing_is_refused(stack: Stack) -> None:
    stack.create({"Group": group(stack.name)})
    changed = {"Group": group(stack.name, ModelPackageGroupDescription="other")}
    assert stack.update(changed) == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.failure() == (
        "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
        f"Rename {stack.name} and update the stack again."
    )
    assert stack.delete() == "DELETE_COMPLETE"
