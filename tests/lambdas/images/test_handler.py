"""The custom resource that has images built, against the local AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelyard.constructs.image_builder import BUILDSPEC
from modelyard.lambdas.images import handler
from tests.lambdas.function import deploy
from tests.local.codebuild.conftest import workshop
from tests.local.codebuild.workshop import Workshop, zipped
from tests.local.sagemaker.lab import unique
from tests.local_aws import LocalAws

__all__ = ["workshop"]

TAG = "0123456789abcdef"


class Deployment:
    """CloudFormation and `answering` around the handler."""

    def __init__(self, workshop: Workshop, project: str, requirements: str = "") -> None:
        aws = workshop.aws
        self.workshop, self.project = workshop, project
        self.repository = unique("modelyard/image")
        aws.client("ecr").create_repository(repositoryName=self.repository, imageTagMutability="IMMUTABLE")
        files = {"Dockerfile": "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\n", "requirements.txt": requirements}
        self.properties: dict[str, Any] = {
            "ServiceToken": "x",
            "RepositoryUri": f"{aws.account}.dkr.ecr.{aws.region}.amazonaws.com/{self.repository}",
            "Tag": TAG,
            "Source": workshop.upload(zipped(**files)),
            "BuildArguments": {"BASE_IMAGE": "python@sha256:1 with a blank"},
        }

    def begin(self, request: str = "Create") -> dict[str, Any]:
        """The event with what was begun, as it is asked with."""
        event = {"RequestType": request, "RequestId": unique("request"), "ResourceProperties": self.properties}
        return {**event, **handler.handle(event, None)}

    def deploy(self, request: str = "Create") -> dict[str, Any]:
        """The answer to CloudFormation."""
        event = self.begin(request)
        while not (answer := handler.handle(event, None))["IsComplete"]:
            pass
        return {**event, **answer}

    def builds(self) -> list[str]:
        ids = self.workshop.codebuild.list_builds_for_project(projectName=self.project)["ids"]
        return list(ids)


@pytest.fixture
def project(workshop: Workshop, local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A project with our own buildspec, in the environment of the function."""
    deploy(local_aws, monkeypatch)
    name = workshop.project(BUILDSPEC.read_text())
    monkeypatch.setenv("PROJECT", name)
    yield name


def test_an_image_that_is_absent_is_built_and_answered_by_its_digest(workshop: Workshop, project: str) -> None:
    deployment = Deployment(workshop, project)
    answer = deployment.deploy()
    pushed = workshop.aws.client("ecr").describe_images(
        repositoryName=deployment.repository, imageIds=[{"imageTag": TAG}]
    )["imageDetails"]
    digest = pushed[0]["imageDigest"]
    assert answer["Data"] == {"ImageUri": f"{deployment.properties['RepositoryUri']}@{digest}", "Digest": digest}
    assert answer["PhysicalResourceId"] == f"{deployment.properties['RepositoryUri']}:{TAG}"
    (id,) = deployment.builds()
    given = {item["name"]: item["value"] for item in workshop.look(id)["environment"]["environmentVariables"]}
    assert given == {
        "IMAGE": answer["PhysicalResourceId"],
        "BUILD_ARGUMENTS": "--build-arg BASE_IMAGE",
        "BASE_IMAGE": "python@sha256:1 with a blank",
    }


def test_a_repository_that_is_not_there_is_named_with_the_command_that_makes_it(
    workshop: Workshop, project: str
) -> None:
    deployment = Deployment(workshop, project)
    workshop.aws.client("ecr").delete_repository(repositoryName=deployment.repository)
    with pytest.raises(RuntimeError) as caught:
        deployment.begin()
    assert str(caught.value).startswith(f"image {deployment.properties['RepositoryUri']}:{TAG}: there is no repository")
    make = f"aws ecr create-repository --repository-name {deployment.repository} --image-tag-mutability IMMUTABLE"
    assert str(caught.value).endswith(f"make it and deploy again: {make}")
    assert deployment.builds() == []


def test_an_image_that_is_there_is_not_built_again(workshop: Workshop, project: str) -> None:
    deployment = Deployment(workshop, project)
    first = deployment.deploy()
    again = deployment.deploy("Update")
    assert again["Data"]["ImageUri"] == first["Data"]["ImageUri"]
    assert len(deployment.builds()) == 1


def test_a_build_that_runs_is_awaited_and_not_doubled(workshop: Workshop, project: str) -> None:
    deployment = Deployment(workshop, project)
    events = [deployment.begin(), deployment.begin()]
    assert events[0]["Data"] == events[1]["Data"] == {"BuildId": deployment.builds()[0]}
    assert len(deployment.builds()) == 1
    other = Deployment(workshop, project)
    assert other.begin()["Data"] != events[0]["Data"]
    for event in events:
        assert handler.handle(event, None)["IsComplete"] is True


def test_an_event_that_is_delivered_twice_starts_one_build(
    workshop: Workshop, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = Deployment(workshop, project)
    event = {"RequestType": "Create", "RequestId": unique("request"), "ResourceProperties": deployment.properties}
    # As if both deliveries looked before either had started the build.
    monkeypatch.setattr(handler, "_variables", lambda build: {})
    first, second = handler.handle(event, None), handler.handle(event, None)
    assert first["Data"] == second["Data"]


def test_a_long_build_is_asked_after_again(workshop: Workshop, project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "PATIENCE", 0.0)
    monkeypatch.setattr(handler, "LOOK_EVERY", 0.0)
    event = Deployment(workshop, project).begin()
    assert handler.handle(event, None) == {"IsComplete": False}


def test_a_failed_build_says_which_phase_and_shows_the_end_of_its_log(
    workshop: Workshop, project: str, tmp_path: Path
) -> None:
    missing = (tmp_path / "nowhere-1.0-py3-none-any.whl").as_uri()
    deployment = Deployment(workshop, project, f"nowhere @ {missing}\n")
    with pytest.raises(RuntimeError) as caught:
        deployment.deploy()
    reason = str(caught.value)
    (id,) = deployment.builds()
    assert f"image {deployment.properties['RepositoryUri']}:{TAG}: build {id} FAILED in phase BUILD: " in reason
    assert "exit status 1" in reason
    assert "nowhere-1.0-py3-none-any.whl" in reason
    assert "whole log: https://console.aws.amazon.com/cloudwatch/" in reason
    assert len(reason) < 3000, "CloudFormation takes an answer of 4 KB"
    with pytest.raises(RuntimeError):
        deployment.deploy("Update")
    assert len(deployment.builds()) == 2, "the next deployment tries again"


def test_a_build_that_pushes_nothing_is_a_failure(
    workshop: Workshop, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle = workshop.project(json.dumps({"version": 0.2, "phases": {"build": {"commands": ["true"]}}}, indent=1))
    monkeypatch.setenv("PROJECT", idle)
    with pytest.raises(RuntimeError, match="ended SUCCEEDED without pushing the image"):
        Deployment(workshop, idle).deploy()


def test_deleting_the_resource_leaves_images_to_their_repository(workshop: Workshop, project: str) -> None:
    deployment = Deployment(workshop, project)
    deployment.deploy()
    assert deployment.deploy("Delete")["IsComplete"] is True
    images = workshop.aws.client("ecr").list_images(repositoryName=deployment.repository)["imageIds"]
    assert len(images) == 1
