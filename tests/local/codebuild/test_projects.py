"""Build projects, by the API and by CloudFormation."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.codebuild.workshop import Workshop
from tests.local.sagemaker.lab import unique

SPEC = "version: 0.2\nphases:\n  build:\n    commands: ['true']\n"


def test_a_project_is_made_looked_at_changed_and_deleted(workshop: Workshop) -> None:
    name = workshop.project(SPEC, description="first", tags=[{"key": "team", "value": "speech"}])
    codebuild = workshop.codebuild
    (project,) = codebuild.batch_get_projects(names=[name])["projects"]
    assert project["arn"].endswith(f":project/{name}")
    assert (project["timeoutInMinutes"], project["queuedTimeoutInMinutes"]) == (60, 480)
    assert project["tags"] == [{"key": "team", "value": "speech"}]
    assert codebuild.update_project(name=name, description="second")["project"]["description"] == "second"
    assert name in codebuild.list_projects()["projects"]
    codebuild.delete_project(name=name)
    assert codebuild.batch_get_projects(names=[name])["projectsNotFound"] == [name]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        workshop.start(name)


def test_a_name_is_taken_once(workshop: Workshop) -> None:
    name = workshop.project(SPEC)
    with pytest.raises(ClientError, match="ResourceAlreadyExistsException"):
        workshop.project(SPEC, name=name)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"source": {"type": "GITHUB"}},
            "source.type 'GITHUB' is not supported by the local AWS; supported: CODEPIPELINE, S3, NO_SOURCE",
        ),
        ({"source": {"type": "NO_SOURCE"}}, "buildspec is required for projects with no source"),
        ({"source": {"type": "S3"}}, "location is required for source type S3"),
        ({"artifacts": {"type": "S3"}}, "location is required for artifact type S3"),
        (
            {"artifacts": {"type": "CODEPIPELINE"}},
            "when using CodePipeline both sourceType, and artifactType must be set to: CODEPIPELINE",
        ),
        (
            {"secondarySources": [{"type": "S3", "location": "b/k", "sourceIdentifier": "not-a-name"}]},
            "sourceIdentifier 'not-a-name' must be letters, digits and underscores",
        ),
        ({"cache": {"type": "S3"}}, "cache.type 'S3' is not supported"),
        ({"concurrentBuildLimit": 1}, "concurrentBuildLimit is not supported by the local AWS; leave it out"),
    ],
)
def test_what_is_not_supported_is_refused(workshop: Workshop, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match="InvalidInputException") as caught:
        workshop.project(SPEC, **given)
    assert message in str(caught.value)


def test_an_operation_that_is_not_supported_says_so(workshop: Workshop) -> None:
    with pytest.raises(ClientError, match="operation ListReports is not supported by the local AWS"):
        workshop.codebuild.list_reports()


def test_cloudformation_makes_changes_and_deletes_a_project(workshop: Workshop) -> None:
    cloudformation, stack = workshop.aws.client("cloudformation"), unique("codebuild")

    def template(**changes: Any) -> str:
        properties = {
            "Source": {"Type": "NO_SOURCE", "BuildSpec": SPEC},
            "Artifacts": {"Type": "NO_ARTIFACTS"},
            "Environment": {"Type": "LINUX_CONTAINER", "Image": "i", "ComputeType": "BUILD_GENERAL1_SMALL",
                            "PrivilegedMode": "true", "EnvironmentVariables": [{"Name": "A", "Value": "1"}]},
            "ServiceRole": workshop.role,
            "TimeoutInMinutes": "30",
            **changes,
        }  # fmt: skip
        project = {"Type": "AWS::CodeBuild::Project", "Properties": properties}
        outputs = {"Name": {"Value": {"Ref": "Project"}}, "Arn": {"Value": {"Fn::GetAtt": ["Project", "Arn"]}}}
        return json.dumps({"Resources": {"Project": project}, "Outputs": outputs})

    def project() -> dict[str, Any]:
        (shown,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in shown["Outputs"]}
        (found,) = workshop.codebuild.batch_get_projects(names=[outputs["Name"]])["projects"]
        assert outputs["Arn"] == found["arn"]
        return dict(found)

    cloudformation.create_stack(StackName=stack, TemplateBody=template(Description="first"))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    made = project()
    assert (made["timeoutInMinutes"], made["description"]) == (30, "first")
    assert made["environment"]["privilegedMode"] is True
    assert made["source"]["buildspec"] == SPEC
    cloudformation.update_stack(StackName=stack, TemplateBody=template(TimeoutInMinutes="45"))
    cloudformation.get_waiter("stack_update_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    changed = project()
    assert (changed["name"], changed["timeoutInMinutes"], changed["description"]) == (made["name"], 45, "")
    cloudformation.delete_stack(StackName=stack)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    assert workshop.codebuild.batch_get_projects(names=[made["name"]])["projectsNotFound"] == [made["name"]]


def test_cloudformation_makes_a_pipelines_project(workshop: Workshop) -> None:
    cloudformation, stack = workshop.aws.client("cloudformation"), unique("codebuild")
    properties = {
        "Name": unique("project"),
        "Source": {"Type": "CODEPIPELINE", "BuildSpec": "ci/spec.yaml"},
        "Artifacts": {"Type": "CODEPIPELINE", "EncryptionDisabled": "false"},
        "SecondaryArtifacts": [{"Type": "S3", "Location": "b", "ArtifactIdentifier": "More", "Packaging": "ZIP"}],
        "SecondarySources": [{"Type": "S3", "Location": "b/k.zip", "SourceIdentifier": "More"}],
        "Environment": {"Type": "LINUX_CONTAINER", "Image": "i", "ComputeType": "BUILD_GENERAL1_SMALL"},
        "Cache": {"Type": "LOCAL", "Modes": ["LOCAL_CUSTOM_CACHE"]},
        "EncryptionKey": "alias/aws/s3",
        "ServiceRole": workshop.role,
    }
    template = {"Resources": {"Project": {"Type": "AWS::CodeBuild::Project", "Properties": properties}}}
    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    (project,) = workshop.codebuild.batch_get_projects(names=[properties["Name"]])["projects"]
    assert project["source"] == {"type": "CODEPIPELINE", "buildspec": "ci/spec.yaml"}
    assert project["artifacts"] == {"type": "CODEPIPELINE", "encryptionDisabled": False}
    assert project["secondaryArtifacts"][0]["artifactIdentifier"] == "More"
    assert project["secondarySources"][0]["sourceIdentifier"] == "More"
    assert project["cache"] == {"type": "LOCAL", "modes": ["LOCAL_CUSTOM_CACHE"]}
    del properties["SecondaryArtifacts"], properties["SecondarySources"]
    cloudformation.update_stack(StackName=stack, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_update_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    (changed,) = workshop.codebuild.batch_get_projects(names=[properties["Name"]])["projects"]
    assert (changed.get("secondaryArtifacts"), changed.get("secondarySources")) == ([], [])
