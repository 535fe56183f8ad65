"""The plan of a stage's deployment, made by the local AWS from an assembly."""

from __future__ import annotations

import io
import json
import urllib.parse
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from modelyard.lambdas.delivery import plan as planning
from modelyard.lambdas.delivery.assembly import Stack
from modelyard.lambdas.delivery.changes import Changes
from modelyard.lambdas.delivery.job import Job, JobFailed, Result, Waiting
from tests.lambdas.function import deploy
from tests.local.sagemaker.lab import unique
from tests.local_aws import LocalAws

REVIEW = "modelyard-review"


class Stage:
    """A stage whose stacks stand in the local AWS, and the assembly of a commit."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.cloudformation = aws.client("cloudformation")
        self.prefix = f"{unique('Modelyard')}-"
        self.bucket = unique("assets")
        location = {"LocationConstraint": aws.region}
        aws.client("s3").create_bucket(Bucket=self.bucket, CreateBucketConfiguration=location)
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": aws.account}}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        made = aws.client("iam").create_role(RoleName=unique("deploy-role"), AssumeRolePolicyDocument=document)
        self.role = made["Role"]["Arn"]
        self.templates: dict[str, dict[str, Any]] = {}

    def template(self, stack: str, **resources: Any) -> None:
        """What the commit makes of a stack."""
        self.templates[self.prefix + stack] = {"Resources": resources}

    def deploy(self, stack: str, **parameters: str) -> None:
        """Deploy a stack as the commit has it."""
        name, body = self.prefix + stack, json.dumps(self.templates[self.prefix + stack])
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        self.cloudformation.create_stack(StackName=name, TemplateBody=body, Parameters=given)
        self.cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})

    def job(self, parameters: Mapping[str, str] | None = None, **state: str) -> Job:
        """The job of the function, with the assembly as its input and parameters that the pipeline hands over."""
        content = io.BytesIO()
        artifacts = {}
        s3 = self.aws.client("s3")
        with zipfile.ZipFile(content, "w") as archive:
            for name, template in self.templates.items():
                archive.writestr(f"{name}.template.json", json.dumps(template))
                s3.put_object(Bucket=self.bucket, Key=f"{name}.json", Body=json.dumps(template))
                artifacts[name] = {
                    "type": "aws:cloudformation:stack",
                    "properties": {
                        "templateFile": f"{name}.template.json",
                        "stackTemplateAssetObjectUrl": f"s3://{self.bucket}/{name}.json",
                        "assumeRoleArn": self.role.replace("arn:aws:", "arn:${AWS::Partition}:"),
                    },
                }
            archive.writestr("manifest.json", json.dumps({"artifacts": {**artifacts, "Tree": {"type": "cdk:tree"}}}))
        key = unique("assembly")
        s3.put_object(Bucket=self.bucket, Key=key, Body=content.getvalue())
        place = {"name": "staging", "account": self.aws.account, "region": self.aws.region}
        credentials = self.aws.env
        return Job(
            id=unique("job"),
            parameters={"stage": place, "stacks": self.prefix, "review": REVIEW, "parameters": parameters or {}},
            state=state,
            inputs={"Assembly": (self.bucket, key)},
            credentials={
                "accessKeyId": credentials["AWS_ACCESS_KEY_ID"],
                "secretAccessKey": credentials["AWS_SECRET_ACCESS_KEY"],
                "sessionToken": credentials.get("AWS_SESSION_TOKEN", ""),
            },
        )

    def plan(self) -> Result:
        return planning.plan(self.job())

    def change_sets(self, stack: str) -> list[str]:
        listed = self.cloudformation.list_change_sets(StackName=self.prefix + stack)["Summaries"]
        return [item["ChangeSetName"] for item in listed if item["ChangeSetName"].startswith(REVIEW)]


def parameter(value: Any) -> dict[str, Any]:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value}}


@pytest.fixture
def stage(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Stage:
    deploy(local_aws, monkeypatch)
    return Stage(local_aws)


def test_a_new_stack_is_said_to_be_new_and_nothing_is_made_of_it(stage: Stage) -> None:
    stage.template("Foundation", A=parameter("1"), B=parameter("2"))
    result = stage.plan()
    assert result.variables["SUMMARY"] == result.summary == "Foundation: new, 2 resources"
    console = "https://eu-west-1.console.aws.amazon.com/cloudformation/home?region=eu-west-1"
    assert result.variables["LINK"] == f"{console}#/stacks?filteringText={stage.prefix}"
    with pytest.raises(stage.cloudformation.exceptions.ClientError, match="does not exist"):
        stage.cloudformation.describe_stacks(StackName=f"{stage.prefix}Foundation")


def test_a_stack_that_stays_as_it_is_leaves_no_change_set(stage: Stage) -> None:
    stage.template("Foundation", A=parameter("1"))
    stage.deploy("Foundation")
    assert stage.plan().summary == "no changes"
    assert stage.change_sets("Foundation") == []


def test_changes_are_counted_and_linked_and_none_is_made(stage: Stage) -> None:
    stage.template("Serving", A=parameter("1"), B=parameter("2"))
    stage.template("Abalone", A=parameter("1"))
    stage.deploy("Serving")
    stage.deploy("Abalone")
    stage.template("Serving", A=parameter("changed"), C=parameter("3"))
    result = stage.plan()
    assert result.summary == "Serving: 1 added, 1 changed, 1 removed (B); no changes: 1"
    (name,) = stage.change_sets("Serving")
    made = stage.cloudformation.describe_change_set(StackName=f"{stage.prefix}Serving", ChangeSetName=name)
    link = urllib.parse.parse_qs(result.variables["LINK"].partition("changes?")[2])
    assert link == {"stackId": [made["StackId"]], "changeSetId": [made["ChangeSetId"]]}
    template = stage.cloudformation.get_template(StackName=f"{stage.prefix}Serving")["TemplateBody"]
    assert "changed" not in json.dumps(template)


def test_a_plan_deletes_what_earlier_ones_left(stage: Stage) -> None:
    stage.template("Serving", A=parameter("1"))
    stage.deploy("Serving")
    stage.template("Serving", A=parameter("2"))
    stage.plan()
    (first,) = stage.change_sets("Serving")
    stage.template("Serving", A=parameter("3"))
    stage.plan()
    (second,) = stage.change_sets("Serving")
    assert first != second


def test_a_plan_that_takes_long_goes_on_where_it_was(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.template("Serving", A=parameter("1"))
    stage.deploy("Serving")
    stage.template("Serving", A=parameter("2"))
    with monkeypatch.context() as patch:
        patch.setattr(planning, "PATIENCE", -1.0)
        patch.setattr(planning._Review, "look", lambda review, stack: None)
        with pytest.raises(Waiting, match="1 change sets are being made") as waiting:
            stage.plan()
    (begun,) = stage.change_sets("Serving")
    assert planning.plan(stage.job(**waiting.value.state)).summary == "Serving: 1 changed"
    assert stage.change_sets("Serving") == [begun]


def test_a_stack_that_stays_as_it_is_is_planned_once_however_long_the_others_take(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("Foundation", "Serving"):
        stage.template(name, A=parameter(name))
        stage.deploy(name)
    stage.template("Serving", A=parameter("2"))
    look = planning._Review.look
    with monkeypatch.context() as patch:
        patch.setattr(planning, "PATIENCE", 2.0)
        patch.setattr(
            planning._Review, "look", lambda review, stack: None if "Serving" in stack.name else look(review, stack)
        )
        with pytest.raises(Waiting, match="1 change sets are being made") as waiting:
            stage.plan()
    assert waiting.value.state["unchanged"] == [0]
    begun: list[str] = []
    begin = planning._Review.begin

    def told(review: planning._Review, stack: Stack) -> Changes | None:
        begun.append(stack.name)
        return begin(review, stack)

    monkeypatch.setattr(planning._Review, "begin", told)
    assert planning.plan(stage.job(**waiting.value.state)).summary == "Serving: 1 changed; no changes: 1"
    assert begun == [f"{stage.prefix}Serving"]


def test_a_stack_whose_creation_failed_is_told_of_before_all_others(stage: Stage) -> None:
    name = f"{stage.prefix}Serving"
    stage.template("Foundation", A=parameter("1"))
    stage.template("Serving", A=parameter("1"))
    broken = {"Resources": {"A": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "no such type", "Value": "1"}}}}
    stage.cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(broken))
    with pytest.raises(WaiterError):
        stage.cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    (made,) = stage.cloudformation.describe_stacks(StackName=name)["Stacks"]
    assert made["StackStatus"] == "ROLLBACK_COMPLETE"
    told = "Serving: its creation failed: delete it first (docs/runbook.md); Foundation: new, 1 resources"
    assert stage.plan().summary == told


def test_a_stack_that_needs_what_is_not_there_yet_cannot_be_planned(stage: Stage) -> None:
    stage.template("Foundation", A=parameter("1"))
    stage.template("Abalone", A=parameter("1"))
    stage.deploy("Foundation")
    stage.deploy("Abalone")
    stage.templates[f"{stage.prefix}Foundation"]["Outputs"] = {"Arn": {"Value": "x"}}
    output = {"Fn::GetStackOutput": {"StackName": f"{stage.prefix}Foundation", "OutputName": "Arn"}}
    stage.template("Abalone", A=parameter(output))
    found = stage.plan().summary
    assert f"Abalone: cannot be planned yet, needs new outputs of {stage.prefix}Foundation" in found


def test_parameters_have_the_values_that_the_pipeline_hands_over_or_those_of_before(stage: Stage) -> None:
    name = f"{stage.prefix}Abalone"
    stage.template("Abalone", A=parameter({"Ref": "Kept"}))
    stage.templates[name]["Parameters"] = {"Kept": {"Type": "String"}}
    stage.deploy("Abalone", Kept="as it was")
    stage.template("Abalone", A=parameter({"Ref": "Kept"}), B=parameter({"Ref": "Image"}))
    stage.templates[name]["Parameters"] = {"Kept": {"Type": "String"}, "Image": {"Type": "String"}}
    result = planning.plan(stage.job({"Image": "by digest", "OfAnotherStack": "x"}))
    assert result.summary == "Abalone: 1 added"
    (change_set,) = stage.change_sets("Abalone")
    made = stage.cloudformation.describe_change_set(StackName=name, ChangeSetName=change_set)
    values = {item["ParameterKey"]: item.get("ParameterValue") for item in made["Parameters"]}
    assert values["Image"] == "by digest"
    assert values["Kept"] in ("as it was", None), "None where the change set says only that it keeps its value"


def test_a_new_value_of_a_parameter_alone_is_a_change(stage: Stage) -> None:
    stage.template("Abalone", A=parameter({"Ref": "Image"}), B=parameter("1"))
    stage.templates[f"{stage.prefix}Abalone"]["Parameters"] = {"Image": {"Type": "String"}}
    stage.deploy("Abalone", Image="one digest")
    assert planning.plan(stage.job({"Image": "one digest"})).summary == "no changes"
    assert planning.plan(stage.job({"Image": "another digest"})).summary == "Abalone: 1 changed"


def test_an_assembly_without_the_stage_is_refused(stage: Stage) -> None:
    with pytest.raises(JobFailed, match=f"no stack whose name begins with {stage.prefix}"):
        stage.plan()
