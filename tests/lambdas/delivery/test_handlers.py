"""The actions of CodePipeline: roles, parameters, and what CodePipeline is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber

from modelyard import names
from modelyard.lambdas.delivery import copying, projects, promote, smoke_test, versions
from modelyard.lambdas.delivery.job import JobFailed, Waiting
from modelyard.lambdas.delivery.promote import promote_all
from tests.lambdas.delivery.stages import Stage, archive, image
from tests.lambdas.function import Context
from tests.local_aws import LocalAws

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "111122223333"}}],
}


class Pipeline:
    """CodePipeline, which expects certain results."""

    def __init__(self, aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
        # What another test has made holds that test's keys.
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
        self._aws, make = aws, boto3.client
        codepipeline = make("codepipeline", region_name=aws.region)
        self.stubber = Stubber(codepipeline)
        self.stubber.activate()
        for name, value in {**aws.env, "AWS_LAMBDA_FUNCTION_NAME": "delivery"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(
            boto3,
            "client",
            lambda service, **more: codepipeline if service == "codepipeline" else make(service, **more),
        )

    def role(self, stage: Stage, purpose: str) -> str:
        """Make the stage's role; its name with {stage}."""
        name = names.delivery_role(stage.name, purpose)
        self._aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
        return name.replace(stage.name, "{stage}")

    def event(self, **stages: Stage) -> dict[str, Any]:
        places = {
            key: {"name": stage.name, "account": self._aws.account, "region": self._aws.region}
            for key, stage in stages.items()
        }
        configuration = {"FunctionName": "f", "UserParameters": json.dumps(places)}
        data = {"actionConfiguration": {"configuration": configuration}, "inputArtifacts": []}
        return {"CodePipeline.job": {"id": "j", "accountId": self._aws.account, "data": data}}

    def success(self, **answer: Any) -> None:
        self.stubber.add_response("put_job_success_result", {}, {"jobId": "j", **answer})

    def failure(self, message: str) -> None:
        details = {"type": "JobFailed", "message": message}
        self.stubber.add_response("put_job_failure_result", {}, {"jobId": "j", "failureDetails": details})


@pytest.fixture
def pipeline(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    made = Pipeline(local_aws, monkeypatch)
    yield made
    made.stubber.assert_no_pending_responses()


@pytest.fixture
def roles(pipeline: Pipeline, source: Stage, target: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_ROLE", pipeline.role(source, "promote-from"))
    monkeypatch.setenv("TARGET_ROLE", pipeline.role(target, "promote-to"))
    monkeypatch.setenv("ACCESS_ROLE", pipeline.role(target, "smoke-test"))


@pytest.mark.usefixtures("roles")
def test_what_serves_in_one_stage_is_registered_in_the_next(pipeline: Pipeline, source: Stage, target: Stage) -> None:
    source.put("abalone/endpoint-name", source.group)
    source.serve(source.register(**source.evaluate()))
    source.register()
    for name in ("whelk", "oyster"):
        group = source.project(name)
        target.project(name)
        source.register(group=group) if name == "whelk" else None
    source.project("mussel")
    told = (
        f"abalone: version 1 is 1 in {target.name}, awaits approval; mussel: not in {target.name}; "
        f"oyster: nothing serves in {source.name}; whelk: version 1 is 1 in {target.name}, awaits approval"
    )
    pipeline.success(outputVariables={}, executionDetails={"summary": told})
    promote.handle(pipeline.event(source=source, target=target), Context())
    again = told.replace("awaits approval", "was there already, PendingManualApproval")
    pipeline.success(outputVariables={}, executionDetails={"summary": again})
    promote.handle(pipeline.event(source=source, target=target), Context())


@pytest.mark.usefixtures("roles")
def test_a_copy_that_takes_longer_than_a_function_may_goes_on_in_the_next_call(
    pipeline: Pipeline, source: Stage, target: Stage
) -> None:
    source.register(**source.evaluate())
    details = {"summary": f"copying version 1 of abalone to {target.name}"}
    pipeline.success(continuationToken="{}", executionDetails=details)
    promote.handle(pipeline.event(source=source, target=target), Context(milliseconds=60_000))
    assert target.versions() == []
    pipeline.success(outputVariables={}, executionDetails=ANY)
    promote.handle(pipeline.event(source=source, target=target), Context())
    assert len(target.versions()) == 1


@pytest.mark.usefixtures("roles")
def test_a_version_that_is_no_longer_approved_is_told_and_the_others_are_promoted(
    pipeline: Pipeline, source: Stage, target: Stage
) -> None:
    source.put("abalone/endpoint-name", source.group)
    source.serve(version := source.register(**source.evaluate()))
    source.review(version, "Rejected")
    source.register(group=source.project("whelk"))
    target.project("whelk")
    told = (
        f"abalone: not promoted, {version} is Rejected: only an Approved version of stage {source.name} can be "
        f"promoted; approve it there first: modelyard approve {source.group} 1; "
        f"whelk: version 1 is 1 in {target.name}, awaits approval"
    )
    pipeline.success(outputVariables={}, executionDetails={"summary": told})
    promote.handle(pipeline.event(source=source, target=target), Context())


def test_what_a_project_is_refused_fails_the_job_after_the_others(source: Stage, target: Stage) -> None:
    source.put("abalone/endpoint-name", source.group)
    source.serve(source.register(**source.evaluate()))
    source.register(group=source.project("whelk"))
    target.project("whelk")

    def refuse(call: str) -> None:
        if call == "DescribeEndpointConfig":
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not allowed"}}, call)

    source.before_call = refuse
    with pytest.raises(JobFailed) as caught:
        promote_all(source.access, target.access, lambda: True)
    assert str(caught.value).startswith("abalone: An error occurred (AccessDeniedException) when calling the Desc")
    assert str(caught.value).endswith(f"; whelk: version 1 is 1 in {target.name}, awaits approval")


def test_an_endpoint_on_its_way_is_waited_for_and_a_failed_one_serves_nothing(source: Stage, target: Stage) -> None:
    source.put("abalone/endpoint-name", source.group)
    assert promote_all(source.access, target.access, lambda: True).summary.startswith("abalone: nothing serves in dev")
    source.serve(version := source.register(), wait=False, LOAD_SECONDS="1", BROKEN="yes")
    with pytest.raises(
        Waiting, match=rf"^endpoint {source.group} is Creating: what serves in dev\w+ is about to change$"
    ):
        promote_all(source.access, target.access, lambda: True)
    source.settled()
    assert promote_all(source.access, target.access, lambda: True).summary.startswith("abalone: nothing serves in dev")
    assert source.describe(version)["ModelApprovalStatus"] == "Approved"
    assert target.versions() == []


def test_a_stage_that_is_not_deployed_is_told(source: Stage) -> None:
    nowhere = Stage(source.aws, "none").access
    object.__setattr__(nowhere, "name", "nowhere")
    with pytest.raises(JobFailed, match="stage nowhere has no bucket for artefacts: deploy its Foundation stack first"):
        promote_all(source.access, nowhere, lambda: True)


@pytest.mark.usefixtures("roles")
def test_the_smoke_test_waits_passes_and_fails_as_a_job(pipeline: Pipeline, target: Stage) -> None:
    target.put("abalone/endpoint-name", target.group)
    version = target.register("PendingManualApproval", **target.evaluate())
    told = f"version 1 of abalone awaits approval in {target.name}: modelyard approve abalone 1 --stage {target.name}"
    pipeline.success(continuationToken="{}", executionDetails={"summary": told})
    smoke_test.handle(pipeline.event(stage=target), Context())
    target.review(version, "Approved")
    target.serve(version)
    told = "abalone: version 1 answers 1 examples as recorded"
    pipeline.success(outputVariables={"TESTED": told}, executionDetails={"summary": told})
    smoke_test.handle(pipeline.event(stage=target), Context())
    target.serve(version, VERSION="8")
    pipeline.failure(
        f'endpoint {target.group}, version 1, example \'row 1\': expected "7.0\\n", received "8", '
        "tolerance: relative 0.01, absolute 0"
    )
    smoke_test.handle(pipeline.event(stage=target), Context())


def test_a_promoted_version_passes_the_smoke_test_in_its_stage(source: Stage, target: Stage) -> None:
    model = source.object("abalone/model.tar.gz", archive(1000))
    types = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    container = {"Image": image(source.aws), "ModelDataUrl": model}
    source.register(**source.evaluate(), InferenceSpecification={"Containers": [container], **types})
    target.put("abalone/endpoint-name", target.group)
    promote_all(source.access, target.access, lambda: True)
    (version,) = target.versions()
    target.review(version, "Approved")
    target.serve(version)
    assert smoke_test.check_all(target.access).summary == "abalone: version 1 answers 1 examples as recorded"


def test_the_functions_spell_names_as_the_stacks_do() -> None:
    assert names.parameter_path("{stage}") + "/" == projects.PATH
    assert projects.ARTIFACTS.startswith(f"{names.PLATFORM}/")
    assert versions.VERSION_VARIABLE == names.VERSION_VARIABLE
    assert copying.PART * 10_000 > 500 * 2**30
