"""Actions that deploy stacks."""

from __future__ import annotations

import json
import time
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.local.codepipeline.plant import Plant, act, stage
from tests.local.sagemaker.lab import unique


def template(value: str, *, size: int = 0) -> str:
    """A template of one parameter in SSM; ``size`` characters long."""
    properties = {"Type": "String", "Value": {"Fn::Sub": f"{value}-${{Suffix}}"}}
    return json.dumps(
        {
            "Parameters": {"Suffix": {"Type": "String", "Default": "none"}},
            "Resources": {"Word": {"Type": "AWS::SSM::Parameter", "Properties": properties}},
            "Outputs": {"Word": {"Value": {"Fn::GetAtt": ["Word", "Value"]}}},
            "Metadata": {"Filling": "x" * size},
        }
    )


def deploy(plant: Plant, name: str, mode: str, stack: str, **more: Any) -> dict[str, Any]:
    """An action of CloudFormation."""
    configuration = {"ActionMode": mode, "StackName": stack, **more.pop("configuration", {})}
    if mode.startswith("CHANGE_SET"):
        configuration["ChangeSetName"] = "change"
    inputs = []
    if mode != "CHANGE_SET_EXECUTE":
        configuration["RoleArn"] = plant.stack_role
    if mode not in ("CHANGE_SET_EXECUTE", "DELETE_ONLY"):
        configuration["TemplatePath"] = "Source::stack.json"
        inputs = ["Source"]
    return act(name, "Deploy/CloudFormation", configuration, inputArtifacts=inputs, **more)


def source_of(plant: Plant, **files: str) -> dict[str, Any]:
    """A source stage with these files."""
    key = f"{unique('deploy')}.zip"
    plant.put(key, **{"stack.json": template("one"), **files})
    return stage("Source", plant.source(key=key))


def status(plant: Plant, stack: str) -> str | None:
    try:
        (found,) = plant.aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError:
        return None
    return str(found["StackStatus"])


def test_a_stack_is_created_updated_left_alone_and_deleted(plant: Plant) -> None:
    stack, source = unique("stack"), source_of(plant)
    overrides = json.dumps({"Suffix": "#{Source.ObjectKey}"})
    up = deploy(plant, "Up", "CREATE_UPDATE", stack, namespace="up", configuration={"ParameterOverrides": overrides})
    name = plant.pipeline(stages=[source, stage("Deploy", up)])
    plant.succeeded(name)
    key = source["actions"][0]["configuration"]["S3ObjectKey"]
    done = plant.actions(name)["Up"]["output"]
    assert done["outputVariables"] == {"Word": f"one-{key}"}
    assert done["executionResult"]["externalExecutionId"].startswith("arn:aws:cloudformation:")
    assert status(plant, stack) == "CREATE_COMPLETE"

    plant.succeeded(name, plant.start(name))
    assert status(plant, stack) == "CREATE_COMPLETE", "it was updated without a change"
    plant.put(key, **{"stack.json": template("two", size=60_000)})
    id = plant.start(name)
    plant.succeeded(name, id)
    assert plant.actions(name, id)["Up"]["output"]["outputVariables"] == {"Word": f"two-{key}"}
    assert status(plant, stack) == "UPDATE_COMPLETE"

    down = deploy(plant, "Down", "DELETE_ONLY", stack)
    name = plant.pipeline(
        stages=[source, stage("Deploy", down, deploy(plant, "Again", "DELETE_ONLY", stack, runOrder=2))]
    )
    plant.succeeded(name)
    assert status(plant, stack) is None


def test_a_change_set_is_made_and_executed_and_one_without_changes_is_no_failure(plant: Plant) -> None:
    stack, source = unique("stack"), source_of(plant)
    name = plant.pipeline(
        stages=[
            source,
            stage(
                "Deploy",
                deploy(plant, "Plan", "CHANGE_SET_REPLACE", stack),
                deploy(plant, "Do", "CHANGE_SET_EXECUTE", stack, runOrder=2),
            ),
        ]
    )
    plant.succeeded(name)
    assert plant.actions(name)["Do"]["output"]["outputVariables"] == {"Word": "one-none"}
    id = plant.start(name)
    plant.succeeded(name, id)
    done = plant.actions(name, id)
    assert "has no changes" in done["Plan"]["output"]["executionResult"]["externalExecutionSummary"]
    assert "has no changes" in done["Do"]["output"]["executionResult"]["externalExecutionSummary"]
    assert done["Do"]["output"]["outputVariables"] == {"Word": "one-none"}
    assert status(plant, stack) == "CREATE_COMPLETE"

    key = source["actions"][0]["configuration"]["S3ObjectKey"]
    for unknown in ("First", "Second"):
        pipe = {"Type": "AWS::CodePipeline::Pipeline", "Properties": {unknown: 1}}
        plant.put(key, **{"stack.json": json.dumps({"Resources": {"Pipe": pipe}})})
        assert plant.error(name, "Do", plant.start(name)) == (
            f"Stack {stack} ended as UPDATE_ROLLBACK_COMPLETE: Pipe: The property {unknown} is not supported by the "
            "local AWS."
        )


def test_a_stack_that_fails_gives_the_first_reason_and_can_be_replaced(plant: Plant) -> None:
    stack = unique("stack")
    wrong = json.dumps({"Resources": {"Pipe": {"Type": "AWS::CodePipeline::Pipeline", "Properties": {"Stages": []}}}})
    source = source_of(plant, **{"stack.json": wrong})
    name = plant.pipeline(stages=[source, stage("Deploy", deploy(plant, "Up", "REPLACE_ON_FAILURE", stack))])
    message = plant.error(name, "Up")
    assert message.startswith(f"Stack {stack} ended as ROLLBACK_COMPLETE: Pipe: ")
    assert "roleArn" in message
    plant.put(source["actions"][0]["configuration"]["S3ObjectKey"], **{"stack.json": template("right")})
    plant.succeeded(name, plant.start(name))
    assert status(plant, stack) == "CREATE_COMPLETE"


def test_a_file_of_settings_gives_parameters_and_tags(plant: Plant) -> None:
    stack = unique("stack")
    settings = json.dumps({"Parameters": {"Suffix": "given"}, "Tags": {"team": "ml"}})
    up = deploy(plant, "Up", "CREATE_UPDATE", stack, configuration={"TemplateConfiguration": "Source::settings.json"})
    name = plant.pipeline(stages=[source_of(plant, **{"settings.json": settings}), stage("Deploy", up)])
    plant.succeeded(name)
    (found,) = plant.aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    assert found["Tags"] == [{"Key": "team", "Value": "ml"}]
    assert plant.actions(name)["Up"]["output"]["outputVariables"] == {"Word": "one-given"}


def test_an_artifact_without_the_template_says_which_file_is_missing(plant: Plant) -> None:
    up = deploy(plant, "Up", "CREATE_UPDATE", unique("stack"))
    name = plant.pipeline(stage("Deploy", up))
    assert plant.error(name, "Up") == "The artifact Source has no file stack.json"


@pytest.mark.parametrize("kind", ["absent", "distrusting"])
def test_a_role_that_cannot_be_assumed_fails_the_action(plant: Plant, kind: str) -> None:
    absent = f"arn:aws:iam::{plant.aws.account}:role/nobody"
    role = absent if kind == "absent" else plant.make_role(Service="lambda.amazonaws.com")
    reason = "there is no such role" if kind == "absent" else "does not allow the service principal 'codepipeline"
    assert reason in plant.error(plant.pipeline(stage("Gate", act("Wait", "Approval/Manual")), roleArn=role), "Source")
    reason = "there is no such role" if kind == "absent" else "allows neither the pipeline's role"
    up = deploy(plant, "Up", "CREATE_UPDATE", unique("stack"), roleArn=role)
    assert reason in plant.error(plant.pipeline(stages=[source_of(plant), stage("Deploy", up)]), "Up")
    reason = "there is no such role" if kind == "absent" else "does not allow the service principal 'cloudformation"
    up = deploy(plant, "Up", "CREATE_UPDATE", unique("stack"))
    up["configuration"]["RoleArn"] = role
    assert reason in plant.error(plant.pipeline(stages=[source_of(plant), stage("Deploy", up)]), "Up")


def test_a_role_of_another_account_deploys_there(plant: Plant) -> None:
    other = "444455556666"
    session = plant.aws.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{other}:role/OrganizationAccountAccessRole", RoleSessionName="test"
    )["Credentials"]

    def there(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=plant.aws.url,
            region_name=plant.aws.region,
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
        )

    def role(principal: dict[str, str]) -> str:
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        return str(there("iam").create_role(RoleName=unique("role"), AssumeRolePolicyDocument=document)["Role"]["Arn"])

    deployer = role({"AWS": plant.role})
    stack_role, stack = role({"Service": "cloudformation.amazonaws.com"}), unique("stack")
    up = deploy(plant, "Up", "CREATE_UPDATE", stack, roleArn=deployer)
    up["configuration"]["RoleArn"] = stack_role
    source = source_of(plant, **{"stack.json": template("one", size=60_000)})
    name = plant.pipeline(stages=[source, stage("Deploy", up)])
    assert "cannot be read" in plant.error(name, "Up"), "its bucket let the other account in"
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": deployer},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{plant.store}/*",
    }
    plant.s3.put_bucket_policy(
        Bucket=plant.store, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    plant.succeeded(name, plant.start(name))
    assert status(plant, stack) is None
    (found,) = there("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    assert found["StackStatus"] == "CREATE_COMPLETE"
    plant.s3.delete_bucket_policy(Bucket=plant.store)


def test_a_stack_of_another_region_is_deployed_from_the_store_there(plant: Plant) -> None:
    region, bucket, stack = "us-west-2", unique("there"), unique("stack")
    keys = {"aws_access_key_id": plant.aws.instance.access_key, "aws_secret_access_key": plant.aws.instance.secret_key}
    there = boto3.client("s3", endpoint_url=plant.aws.url, region_name=region, **keys)
    there.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
    stores = {
        name: {"type": "S3", "location": place} for name, place in ((plant.aws.region, plant.store), (region, bucket))
    }
    role = plant.make_role(AWS=f"arn:aws:iam::{plant.aws.account}:root")
    up = deploy(plant, "Up", "CREATE_UPDATE", stack, region=region, roleArn=role)
    declaration = plant.declaration(stages=[source_of(plant), stage("Deploy", up)], artifactStores=stores)
    del declaration["artifactStore"]
    name = declaration["name"]
    plant.codepipeline.create_pipeline(pipeline=declaration)
    plant.succeeded(name)
    assert status(plant, stack) is None
    done = plant.actions(name)["Up"]
    assert f":{region}:" in done["output"]["executionResult"]["externalExecutionId"]
    (used,) = done["input"]["inputArtifacts"]
    assert used["s3location"]["bucket"] == bucket


def pipeline_template(plant: Plant, name: str, source: dict[str, Any], stack: str, word: str, **more: Any) -> str:
    """A template of a pipeline that deploys this template itself and waits then."""

    def upper(value: Any) -> Any:
        if isinstance(value, list):
            return [upper(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {
            key[0].upper() + key[1:]: item if key == "configuration" else upper(item) for key, item in value.items()
        }

    update = deploy(plant, "Update", "CREATE_UPDATE", stack)
    gate = act("Wait", "Approval/Manual", {"CustomData": word})
    declaration = plant.declaration(name=name, stages=[source, stage("Update", update), stage("Gate", gate)])
    properties = {**upper(declaration), "Tags": [{"Key": "word", "Value": word}], **more}
    resource = {"Type": "AWS::CodePipeline::Pipeline", "Properties": properties}
    outputs = {"Name": {"Value": {"Ref": "Pipe"}}, "Version": {"Value": {"Fn::GetAtt": ["Pipe", "Version"]}}}
    return json.dumps({"Resources": {"Pipe": resource}, "Outputs": outputs})


@pytest.mark.parametrize("restarts", [True, False])
def test_a_pipeline_that_updates_itself_runs_again_or_goes_on(plant: Plant, restarts: bool) -> None:
    name, stack, key = unique("pipeline"), unique("stack"), f"{unique('self')}.zip"
    source = stage("Source", plant.source(key=key))
    more = {"RestartExecutionOnUpdate": restarts}
    body = pipeline_template(plant, name, source, stack, "old", **more)
    plant.put(key, **{"stack.json": body})
    cloudformation = plant.aws.client("cloudformation")
    cloudformation.create_stack(StackName=stack, TemplateBody=body)
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    first = plant.first(name)
    plant.token(name, "Gate", "Wait", first)
    assert plant.executions(name) == [first], "an update without changes started something"
    plant.answer(name, "Gate", "Wait")
    plant.succeeded(name, first)

    version = plant.put(key, **{"stack.json": pipeline_template(plant, name, source, stack, "new", **more)})
    second = plant.start(name)
    if restarts:
        assert plant.ended(name, second)["status"] == "Cancelled"
        third = plant.executions(name)[0]
        plant.token(name, "Gate", "Wait", third)
        assert plant.look(name, third)["artifactRevisions"][0]["revisionId"] == version
        assert plant.actions(name, third)["Wait"]["input"]["configuration"] == {"CustomData": "new"}
        assert plant.actions(name, second)["Update"]["status"] == "Abandoned"
        assert len(plant.executions(name)) == 3
    else:
        plant.token(name, "Gate", "Wait", second)
        assert plant.actions(name, second)["Wait"]["input"]["configuration"] == {"CustomData": "old"}
        assert plant.look(name, second)["pipelineVersion"] == 1
    assert plant.codepipeline.get_pipeline(name=name)["pipeline"]["version"] == 2
    deadline = time.monotonic() + 20
    while status(plant, stack) != "UPDATE_COMPLETE":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    outputs = {item["OutputKey"]: item["OutputValue"] for item in found["Outputs"]}
    assert outputs == {"Name": name, "Version": "2"}
    arn = plant.codepipeline.get_pipeline(name=name)["metadata"]["pipelineArn"]
    assert {"key": "word", "value": "new"} in plant.codepipeline.list_tags_for_resource(resourceArn=arn)["tags"]
    cloudformation.delete_stack(StackName=stack)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    with pytest.raises(ClientError, match="PipelineNotFoundException"):
        plant.codepipeline.get_pipeline(name=name)
