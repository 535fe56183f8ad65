"""What is refused when a pipeline is created or updated, and with what words."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.codepipeline.plant import Plant, act, stage

Change = Callable[[dict[str, Any]], None]
ARN = "arn:aws:iam::111122223333:role/nobody"


def pipeline(plant: Plant) -> dict[str, Any]:
    """A pipeline that is in order."""
    deploy = {"ActionMode": "CREATE_UPDATE", "StackName": "s", "TemplatePath": "Source::t.json", "RoleArn": ARN}
    return plant.declaration(
        stage("Gate", act("Approve", "Approval/Manual")),
        stage(
            "Work",
            act("Build", "Build/CodeBuild", {"ProjectName": "p"}, inputArtifacts=["Source"], outputArtifacts=["Built"]),
            act("Call", "Invoke/Lambda", {"FunctionName": "f"}, runOrder=2, namespace="Called"),
            act("Deploy", "Deploy/CloudFormation", deploy, inputArtifacts=["Source"], runOrder=3),
        ),
    )


def put(stage_: int, action: int, **members: Any) -> Change:
    """Set members of an action."""

    def change(declaration: dict[str, Any]) -> None:
        declaration["stages"][stage_]["actions"][action].update(copy.deepcopy(members))

    return change


def configure(stage_: int, action: int, **configuration: str) -> Change:
    """Set keys of an action's configuration."""

    def change(declaration: dict[str, Any]) -> None:
        declaration["stages"][stage_]["actions"][action]["configuration"].update(configuration)

    return change


def whole(**members: Any) -> Change:
    """Set members of the pipeline."""
    return lambda declaration: declaration.update(copy.deepcopy(members))


def type_(category: str, provider: str, owner: str = "AWS", version: str = "1") -> dict[str, str]:
    return {"category": category, "owner": owner, "provider": provider, "version": version}


def drop(member: str) -> Change:
    return lambda declaration: declaration.pop(member)


def drop_stages(declaration: dict[str, Any]) -> None:
    del declaration["stages"][1:]


BUILD, CALL, DEPLOY = (
    "Stage 'Work', action 'Build': ",
    "Stage 'Work', action 'Call': ",
    "Stage 'Work', action 'Deploy': ",
)
SOURCE, GATE = "Stage 'Source', action 'Source': ", "Stage 'Gate', action 'Approve': "
ONLY = "is not supported by the local AWS"
TYPES = (
    "Source/AWS/S3/1, Build|Test/AWS/CodeBuild/1, Deploy/AWS/CloudFormation/1, Invoke/AWS/Lambda/1, "
    "Approval/AWS/Manual/1"
)
BEFORE = "no action before this one has the "

REFUSED: list[tuple[Change, str, str]] = [
    (
        put(0, 0, actionTypeId=type_("Source", "CodeStarSourceConnection")),
        "Action",
        SOURCE + "actionTypeId Source/AWS/CodeStarSourceConnection/1 " + ONLY + "; supported: " + TYPES,
    ),
    (
        put(2, 1, actionTypeId=type_("Invoke", "StepFunctions")),
        "Action",
        CALL + "actionTypeId Invoke/AWS/StepFunctions/1 " + ONLY,
    ),
    (
        put(2, 1, actionTypeId=type_("Build", "Jenkins", "Custom")),
        "Action",
        CALL + "actionTypeId Build/Custom/Jenkins/1 " + ONLY,
    ),
    (
        put(2, 1, actionTypeId=type_("Invoke", "Lambda", version="2")),
        "Action",
        CALL + "actionTypeId Invoke/AWS/Lambda/2 " + ONLY,
    ),
    (
        configure(0, 0, AllowOverrideForS3ObjectKey="true"),
        "Action",
        SOURCE + "configuration AllowOverrideForS3ObjectKey " + ONLY,
    ),
    (
        configure(0, 0, PollForSourceChanges="perhaps"),
        "Action",
        SOURCE + "configuration PollForSourceChanges 'perhaps' " + ONLY + "; supported: true, false",
    ),
    (
        configure(0, 0, Branch="main"),
        "Action",
        SOURCE + "configuration Branch " + ONLY + "; supported: S3Bucket, S3ObjectKey, PollForSourceChanges",
    ),
    (put(0, 0, configuration={}), "Action", SOURCE + "configuration S3Bucket is required"),
    (
        configure(2, 0, BatchEnabled="true"),
        "Action",
        BUILD + "configuration BatchEnabled 'true' " + ONLY + "; supported: false",
    ),
    (
        configure(2, 0, PrimarySource="Other"),
        "Action",
        BUILD + "configuration PrimarySource: 'Other' is no input artifact of the action; write one of Source",
    ),
    (configure(2, 0, EnvironmentVariables="{"), "Action", BUILD + "configuration EnvironmentVariables: it is no JSON"),
    (
        configure(2, 0, EnvironmentVariables='[{"name": "A"}]'),
        "Action",
        BUILD + 'configuration EnvironmentVariables: {"name": "A"}: write an object with name, value and type',
    ),
    (configure(2, 1, UserParameters="x" * 1001), "", "configuration.UserParameters"),
    (put(2, 1, configuration={}), "Action", CALL + "configuration FunctionName is required"),
    (
        configure(2, 2, ActionMode="CREATE"),
        "Action",
        DEPLOY
        + "configuration ActionMode 'CREATE' "
        + ONLY
        + "; supported: CREATE_UPDATE, REPLACE_ON_FAILURE, CHANGE_SET_REPLACE, CHANGE_SET_EXECUTE, DELETE_ONLY",
    ),
    (configure(2, 2, OutputFileName="o.json"), "Action", DEPLOY + "configuration OutputFileName " + ONLY),
    (
        configure(2, 2, TemplatePath="t.json"),
        "Action",
        DEPLOY + "configuration TemplatePath: 't.json' names no file of an input artifact; "
        "write ARTIFACT::FILE; artifacts: Source",
    ),
    (
        configure(2, 2, TemplateConfiguration="Built::c.json"),
        "Action",
        DEPLOY + "configuration TemplateConfiguration: 'Built::c.json' names no file of an input artifact",
    ),
    (
        configure(2, 2, ActionMode="CHANGE_SET_REPLACE"),
        "Action",
        DEPLOY + "configuration ChangeSetName: required with ActionMode CHANGE_SET_REPLACE",
    ),
    (
        configure(2, 2, Capabilities="CAPABILITY_ALL"),
        "Action",
        DEPLOY + "configuration Capabilities: 'CAPABILITY_ALL' is unknown",
    ),
    (
        configure(2, 2, ParameterOverrides='{"A": {"Fn::GetArtifactAtt": ["Source", "URL"]}}'),
        "Action",
        DEPLOY + "configuration ParameterOverrides: Fn::GetArtifactAtt " + ONLY,
    ),
    (
        configure(2, 2, ParameterOverrides="[]"),
        "Action",
        DEPLOY + "configuration ParameterOverrides: write a JSON object",
    ),
    (
        configure(1, 0, Reviewers="x"),
        "Action",
        GATE + "configuration Reviewers " + ONLY + "; supported: NotificationArn, CustomData, ExternalEntityLink",
    ),
    (
        put(2, 1, region="us-west-2"),
        "Action",
        CALL + "region 'us-west-2' " + ONLY + " for actions of Lambda; supported: the pipeline's own region, eu-west-1",
    ),
    (
        put(2, 2, region="us-west-2"),
        "Action",
        DEPLOY + "region 'us-west-2': artifactStores must have a store there; it has: none",
    ),
    (
        put(2, 1, timeoutInMinutes=10),
        "Action",
        CALL + "timeoutInMinutes: only manual approvals have a time-out that can be set",
    ),
    (put(2, 1, commands=["ls"]), "Action", CALL + "commands " + ONLY),
    (put(2, 1, outputVariables=["A"]), "Action", CALL + "outputVariables " + ONLY),
    (put(2, 0, inputArtifacts=[]), "Action", BUILD + "inputArtifacts: CodeBuild takes 1 to 5, and this action has 0"),
    (
        put(2, 2, outputArtifacts=[{"name": "Out"}]),
        "Action",
        DEPLOY + "outputArtifacts: CloudFormation takes 0, and this action has 1",
    ),
    (
        put(2, 0, outputArtifacts=[{"name": "Built", "files": ["a"]}]),
        "Action",
        BUILD + "outputArtifacts: files " + ONLY,
    ),
    (
        put(2, 0, inputArtifacts=[{"name": "Later"}]),
        "Action",
        BUILD + "inputArtifacts: " + BEFORE + "output artifact 'Later'",
    ),
    (
        put(2, 1, inputArtifacts=[{"name": "Built"}], runOrder=1),
        "Action",
        CALL + "inputArtifacts: " + BEFORE + "output artifact 'Built'",
    ),
    (
        put(2, 0, outputArtifacts=[{"name": "Source"}]),
        "Action",
        BUILD + "outputArtifacts 'Source' is another action's too",
    ),
    (put(2, 0, namespace="Source"), "Action", BUILD + "namespace 'Source' is another action's too"),
    (put(2, 0, namespace="variables"), "Action", BUILD + "namespace 'variables' is CodePipeline's own"),
    (
        configure(1, 0, CustomData="#{Called.X}"),
        "Action",
        GATE + "configuration CustomData: " + BEFORE + "namespace 'Called'",
    ),
    (
        configure(1, 0, CustomData="#{variables.X}"),
        "Action",
        GATE + "configuration CustomData: the namespace 'variables' has no 'X'; it has: none",
    ),
    (
        configure(1, 0, CustomData="#{X}"),
        "Action",
        GATE + "configuration CustomData: #{X} is no variable; write #{namespace.name}",
    ),
    (lambda d: d["stages"][1].update(onFailure={"result": "ROLLBACK"}), "Stage", "Stage 'Gate': onFailure " + ONLY),
    (
        lambda d: d["stages"][1].update(blockers=[{"name": "b", "type": "Schedule"}]),
        "Stage",
        "Stage 'Gate': blockers " + ONLY,
    ),
    (lambda d: d["stages"][1].update(actions=[]), "Stage", "Stage 'Gate' has no action"),
    (
        lambda d: d["stages"][0]["actions"].append(d["stages"][1]["actions"][0]),
        "Stage",
        "Stage 'Source', action 'Approve': the first stage must contain only source actions",
    ),
    (
        lambda d: d["stages"][1]["actions"].append({**d["stages"][0]["actions"][0], "outputArtifacts": []}),
        "Stage",
        "Stage 'Gate', action 'Source': a stage after the first must contain no source action",
    ),
    (put(2, 1, name="Build"), "Stage", "Stage 'Work': action name 'Build' is there twice"),
    (lambda d: d["stages"][1].update(name="Work"), "Structure", "stage name 'Work' is there twice"),
    (drop_stages, "Structure", "Pipeline has 1 stage(s). There must be at least two stages."),
    (drop("artifactStore"), "Structure", "Pipeline must have either artifactStore or artifactStores"),
    (
        whole(executionMode="PARALLEL"),
        "Structure",
        "executionMode 'PARALLEL' " + ONLY + "; supported: SUPERSEDED, QUEUED",
    ),
    (whole(executionMode="QUEUED", pipelineType="V1"), "Structure", "executionMode 'QUEUED': a pipeline of type V1"),
    (whole(variables=[{"name": "A"}], pipelineType="V1"), "Structure", "variables: a pipeline of type V1 has none"),
    (
        whole(
            triggers=[{"providerType": "CodeStarSourceConnection", "gitConfiguration": {"sourceActionName": "Source"}}]
        ),
        "Structure",
        "triggers " + ONLY,
    ),
    (put(2, 1, runOrder=1000), "", "runOrder"),
]


@pytest.mark.parametrize(("change", "kind", "message"), REFUSED, ids=[str(number) for number in range(len(REFUSED))])
def test_what_is_wrong_or_not_supported_is_refused_with_its_place(
    plant: Plant, change: Change, kind: str, message: str
) -> None:
    declaration = pipeline(plant)
    change(declaration)
    error = f"Invalid{kind}DeclarationException" if kind in ("Action", "Stage") else "InvalidStructureException"
    if not kind:
        error = "ValidationException"
    with pytest.raises(ClientError, match=error) as caught:
        plant.codepipeline.create_pipeline(pipeline=declaration)
    assert message in str(caught.value)


def test_artifact_stores_must_have_the_pipelines_own_region(plant: Plant) -> None:
    declaration = pipeline(plant)
    store = declaration.pop("artifactStore")
    declaration["artifactStores"] = {"us-west-2": store}
    with pytest.raises(ClientError, match="must have the pipeline's own region, eu-west-1; it has: us-west-2"):
        plant.codepipeline.create_pipeline(pipeline=declaration)
    declaration["artifactStores"] = {plant.aws.region: store}
    plant.codepipeline.create_pipeline(pipeline=declaration)


def test_a_pipeline_is_shown_with_its_defaults_versions_and_tags(plant: Plant) -> None:
    declaration = pipeline(plant)
    del declaration["pipelineType"]
    name = declaration["name"]
    plant.codepipeline.create_pipeline(pipeline=declaration, tags=[{"key": "team", "value": "ml"}])
    with pytest.raises(ClientError, match="PipelineNameInUseException"):
        plant.codepipeline.create_pipeline(pipeline=declaration)
    shown = plant.codepipeline.get_pipeline(name=name)
    assert shown["pipeline"]["version"] == 1
    assert shown["pipeline"]["stages"][1]["actions"][0]["runOrder"] == 1
    assert (shown["pipeline"]["pipelineType"], shown["pipeline"]["executionMode"]) == ("V1", "SUPERSEDED")
    arn = shown["metadata"]["pipelineArn"]
    assert arn == f"arn:aws:codepipeline:{plant.aws.region}:{plant.aws.account}:{name}"
    declaration["stages"][1]["actions"][0]["configuration"] = {"CustomData": "new"}
    assert plant.codepipeline.update_pipeline(pipeline=declaration)["pipeline"]["version"] == 2
    old, new = (plant.codepipeline.get_pipeline(name=name, version=version)["pipeline"] for version in (1, 2))
    assert old["stages"][1]["actions"][0]["configuration"] == {}
    assert new["stages"][1]["actions"][0]["configuration"] == {"CustomData": "new"}
    with pytest.raises(ClientError, match="PipelineVersionNotFoundException"):
        plant.codepipeline.get_pipeline(name=name, version=3)
    with pytest.raises(ClientError, match="InvalidStructureException"):
        plant.codepipeline.update_pipeline(pipeline={**declaration, "executionMode": "PARALLEL"})
    listed = {item["name"]: item for item in plant.codepipeline.list_pipelines()["pipelines"]}
    assert listed[name]["version"] == 2
    plant.codepipeline.tag_resource(resourceArn=arn, tags=[{"key": "stage", "value": "dev"}])
    plant.codepipeline.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert plant.codepipeline.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "stage", "value": "dev"}]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        plant.codepipeline.list_tags_for_resource(resourceArn=arn + "x")
    with pytest.raises(ClientError, match="PipelineNotFoundException"):
        plant.codepipeline.update_pipeline(pipeline={**declaration, "name": "nothing"})
