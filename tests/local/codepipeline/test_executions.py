"""How executions go through a pipeline."""

from __future__ import annotations

import time

import pytest
from botocore.exceptions import ClientError

from tests.local.codepipeline.plant import Plant, act, stage
from tests.local.fast_aws import eventually

GATE = stage("Gate", act("Approve", "Approval/Manual"))
SUCCEED = "codepipeline.put_job_success_result(jobId=job['id'], outputVariables={'SAID': given})"


def test_a_new_pipeline_runs_at_once_and_a_source_is_read_by_version(plant: Plant) -> None:
    version = plant.put(key="once.zip")
    name = plant.pipeline(GATE, stages=[stage("Source", plant.source(key="once.zip")), GATE])
    plant.answer(name, "Gate", "Approve", summary="fine")
    execution = plant.succeeded(name)
    assert execution["trigger"]["triggerType"] == "CreatePipeline"
    (revision,) = execution["artifactRevisions"]
    assert (revision["name"], revision["revisionId"]) == ("Source", version)
    actions = plant.actions(name)
    assert actions["Source"]["output"]["outputVariables"] | {"ETag": ""} == {
        "BucketName": plant.bucket,
        "ETag": "",
        "ObjectKey": "once.zip",
        "VersionId": version,
    }
    place = actions["Source"]["output"]["outputArtifacts"][0]["s3location"]
    kept = plant.s3.get_object(Bucket=place["bucket"], Key=place["key"])
    assert kept["Body"].read() == plant.s3.get_object(Bucket=plant.bucket, Key="once.zip")["Body"].read()
    assert place["bucket"] == plant.store and place["key"].startswith(f"{name[:20]}/Source/")
    assert plant.state(name)["Gate"]["actionStates"][0]["latestExecution"]["summary"] == "fine"


def test_a_source_that_is_not_there_fails_the_execution_with_its_place(plant: Plant) -> None:
    name = plant.pipeline(stages=[stage("Source", plant.source(key="nothing.zip")), GATE])
    assert f"s3://{plant.bucket}/nothing.zip cannot be read" in plant.error(name, "Source")
    state = plant.state(name)["Source"]
    assert state["latestExecution"]["status"] == "Failed"
    assert "nothing.zip" in state["actionStates"][0]["latestExecution"]["errorDetails"]["message"]


def test_a_source_bucket_without_versions_is_refused(plant: Plant) -> None:
    source = plant.source()
    source["configuration"]["S3Bucket"] = plant.store
    name = plant.pipeline(stages=[stage("Source", source), GATE])
    assert "does not have versioning enabled" in plant.error(name, "Source")


def test_an_execution_can_be_started_on_an_older_version_once_per_token(plant: Plant) -> None:
    old = plant.put(key="versions.zip", which="old")
    plant.put(key="versions.zip", which="new")
    name = plant.pipeline(stages=[stage("Source", plant.source(key="versions.zip")), GATE])
    revision = {"actionName": "Source", "revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": old}
    id = plant.start(name, sourceRevisions=[revision], clientRequestToken="one")
    assert plant.start(name, clientRequestToken="one") == id
    eventually(lambda: bool(plant.look(name, id)["artifactRevisions"]), "the source is read")
    assert plant.look(name, id)["artifactRevisions"][0]["revisionId"] == old


def test_actions_of_one_order_run_together_and_a_failed_one_lets_the_others_end(plant: Plant) -> None:
    function = plant.function(SUCCEED)
    failing = plant.function(
        "details = {'type': 'JobFailed', 'message': 'no: ' + given}\n"
        "codepipeline.put_job_failure_result(jobId=job['id'], failureDetails=details)"
    )
    name = plant.pipeline(
        stage(
            "Work",
            act("Wait", "Approval/Manual"),
            act("Fail", "Invoke/Lambda", {"FunctionName": failing, "UserParameters": "#{Source.ObjectKey}"}),
            act("Next", "Invoke/Lambda", {"FunctionName": function}, runOrder=2),
        )
    )

    def failed() -> bool:
        return plant.actions(name).get("Fail", {}).get("status") == "Failed"

    eventually(failed, "the function failed its job")
    assert plant.look(name, plant.first(name))["status"] == "InProgress"
    plant.answer(name, "Work", "Wait")
    assert plant.error(name, "Fail") == "no: source.zip"
    assert "Next" not in plant.actions(name)


def test_variables_are_resolved_when_an_action_starts(plant: Plant) -> None:
    function = plant.function(SUCCEED)
    say = act(
        "Say",
        "Invoke/Lambda",
        {
            "FunctionName": function,
            "UserParameters": "#{variables.WORD} #{Source.ObjectKey} #{codepipeline.PipelineExecutionId}",
        },
        namespace="said",
    )
    again = act("Again", "Invoke/Lambda", {"FunctionName": function, "UserParameters": "<#{said.SAID}>"}, runOrder=2)
    name = plant.pipeline(stage("Work", say, again), variables=[{"name": "WORD", "defaultValue": "hello"}])
    first = plant.first(name)
    plant.succeeded(name, first)
    resolved = plant.actions(name)["Again"]["input"]["resolvedConfiguration"]["UserParameters"]
    assert resolved == f"<hello source.zip {first}>"
    id = plant.start(name, variables=[{"name": "WORD", "value": "bye"}])
    assert plant.succeeded(name, id)["variables"] == [{"name": "WORD", "resolvedValue": "bye"}]
    assert plant.actions(name, id)["Again"]["output"]["outputVariables"]["SAID"] == f"<bye source.zip {id}>"
    with pytest.raises(ClientError, match="The pipeline has no variable 'OTHER'; it has: WORD"):
        plant.start(name, variables=[{"name": "OTHER", "value": "x"}])


def test_a_variable_that_has_no_value_fails_the_action_that_needs_it(plant: Plant) -> None:
    function = plant.function(SUCCEED)
    say = act("Say", "Invoke/Lambda", {"FunctionName": function, "UserParameters": "#{Source.Branch}"})
    name = plant.pipeline(stage("Work", say))
    assert plant.error(name, "Say") == (
        "UserParameters: #{Source.Branch}: the namespace 'Source' has no variable 'Branch'; "
        "it has: BucketName, ETag, ObjectKey, VersionId"
    )


def test_a_rejected_approval_fails_the_stage_with_the_summary(plant: Plant) -> None:
    name = plant.pipeline(GATE)
    id = plant.first(name)
    plant.token(name, "Gate", "Approve")
    with pytest.raises(ClientError, match="InvalidApprovalTokenException"):
        plant.codepipeline.put_approval_result(
            pipelineName=name,
            stageName="Gate",
            actionName="Approve",
            result={"status": "Approved", "summary": ""},
            token="00000000-0000-0000-0000-000000000000",
        )
    token = plant.token(name, "Gate", "Approve")
    plant.answer(name, "Gate", "Approve", status="Rejected", summary="not today")
    assert plant.error(name, "Approve", id) == "not today"
    assert plant.state(name)["Gate"]["latestExecution"]["status"] == "Failed"
    with pytest.raises(ClientError, match="ApprovalAlreadyCompletedException"):
        plant.codepipeline.put_approval_result(
            pipelineName=name,
            stageName="Gate",
            actionName="Approve",
            result={"status": "Approved", "summary": ""},
            token=token,
        )


def test_a_failed_stage_is_retried_with_its_failed_actions_or_with_all(plant: Plant) -> None:
    name = plant.pipeline(stage("Gate", act("One", "Approval/Manual"), act("Two", "Approval/Manual", runOrder=2)))
    id = plant.first(name)
    with pytest.raises(ClientError, match="StageNotRetryableException"):
        plant.codepipeline.retry_stage_execution(
            pipelineName=name, stageName="Gate", pipelineExecutionId=id, retryMode="FAILED_ACTIONS"
        )
    for mode, first_again in (("FAILED_ACTIONS", False), ("ALL_ACTIONS", True)):
        if plant.look(name, id)["status"] == "InProgress" and mode == "FAILED_ACTIONS":
            plant.answer(name, "Gate", "One")
        plant.answer(name, "Gate", "Two", status="Rejected", summary="again")
        assert plant.ended(name, id)["status"] == "Failed"
        plant.codepipeline.retry_stage_execution(
            pipelineName=name, stageName="Gate", pipelineExecutionId=id, retryMode=mode
        )
        plant.token(name, "Gate", "One" if first_again else "Two")
    plant.answer(name, "Gate", "One")
    plant.answer(name, "Gate", "Two")
    plant.succeeded(name, id)
    runs = plant.codepipeline.list_action_executions(pipelineName=name, filter={"pipelineExecutionId": id})
    assert [run["actionName"] for run in runs["actionExecutionDetails"]].count("One") == 2
    assert [run["actionName"] for run in runs["actionExecutionDetails"]].count("Two") == 3


def test_an_execution_that_is_stopped_waits_for_what_runs_or_abandons_it(plant: Plant) -> None:
    name = plant.pipeline(stage("Gate", act("One", "Approval/Manual"), act("Two", "Approval/Manual", runOrder=2)))
    id = plant.first(name)
    plant.token(name, "Gate", "One")
    plant.codepipeline.stop_pipeline_execution(pipelineName=name, pipelineExecutionId=id, reason="lunch")
    assert plant.look(name, id)["status"] == "Stopping"
    with pytest.raises(ClientError, match="DuplicatedStopRequestException"):
        plant.codepipeline.stop_pipeline_execution(pipelineName=name, pipelineExecutionId=id)
    plant.answer(name, "Gate", "One")
    execution = plant.ended(name, id)
    assert (execution["status"], execution["statusSummary"]) == ("Stopped", "lunch")
    assert plant.state(name)["Gate"]["latestExecution"]["status"] == "Stopped"

    id = plant.start(name)
    plant.token(name, "Gate", "One", id)
    plant.codepipeline.stop_pipeline_execution(pipelineName=name, pipelineExecutionId=id, abandon=True)
    assert plant.ended(name, id)["status"] == "Stopped"
    assert plant.actions(name, id)["One"]["status"] == "Abandoned"
    with pytest.raises(ClientError, match="PipelineExecutionNotStoppableException"):
        plant.codepipeline.stop_pipeline_execution(pipelineName=name, pipelineExecutionId=id)


def test_a_newer_execution_supersedes_the_one_that_waits_at_a_stage(plant: Plant) -> None:
    name = plant.pipeline(GATE)
    first = plant.first(name)
    plant.token(name, "Gate", "Approve")
    second = plant.start(name)

    def waits(id: str) -> bool:
        return bool(plant.state(name)["Gate"].get("inboundExecution", {}).get("pipelineExecutionId") == id)

    eventually(lambda: waits(second), "the second waits")
    third = plant.start(name)
    assert plant.ended(name, second)["status"] == "Superseded"
    eventually(lambda: waits(third), "the third waits")
    plant.answer(name, "Gate", "Approve")
    plant.succeeded(name, first)
    plant.token(name, "Gate", "Approve", third)
    plant.answer(name, "Gate", "Approve")
    plant.succeeded(name, third)


def test_queued_executions_go_one_after_the_other(plant: Plant) -> None:
    name = plant.pipeline(GATE, executionMode="QUEUED")
    ids = [plant.first(name), plant.start(name), plant.start(name)]
    for id in ids:
        plant.token(name, "Gate", "Approve", id)
        plant.answer(name, "Gate", "Approve")
        plant.succeeded(name, id)


def test_a_disabled_transition_holds_an_execution_before_the_stage(plant: Plant) -> None:
    name = plant.pipeline(GATE)
    plant.answer(name, "Gate", "Approve", status="Rejected")
    plant.ended(name)
    plant.codepipeline.disable_stage_transition(
        pipelineName=name, stageName="Gate", transitionType="Inbound", reason="freeze"
    )
    id = plant.start(name)
    eventually(lambda: plant.state(name)["Gate"].get("inboundExecution"), "it waits")
    time.sleep(0.2)
    state = plant.state(name)["Gate"]
    assert state["inboundTransitionState"]["enabled"] is False
    assert state["inboundTransitionState"]["disabledReason"] == "freeze"
    assert state["latestExecution"]["status"] == "Failed"
    plant.codepipeline.enable_stage_transition(pipelineName=name, stageName="Source", transitionType="Outbound")
    plant.token(name, "Gate", "Approve", id)
    with pytest.raises(ClientError, match="The stage 'Source' has no inbound transition"):
        plant.codepipeline.disable_stage_transition(
            pipelineName=name, stageName="Source", transitionType="Inbound", reason="freeze"
        )


def test_the_aws_command_starts_a_pipeline_and_approves(plant: Plant) -> None:
    name = plant.pipeline(GATE)
    plant.answer(name, "Gate", "Approve")
    plant.succeeded(name)
    started = plant.aws.run(
        *("aws", "codepipeline", "start-pipeline-execution", "--name", name, "--query", "pipelineExecutionId"),
        *("--output", "text"),
    )
    id = started.stdout.strip()
    token = plant.token(name, "Gate", "Approve", id)
    plant.aws.run(
        *("aws", "codepipeline", "put-approval-result", "--pipeline-name", name, "--stage-name", "Gate"),
        *("--action-name", "Approve", "--token", token, "--result", "summary=good,status=Approved"),
    )
    plant.succeeded(name, id)


def test_what_is_deleted_is_gone(plant: Plant) -> None:
    name = plant.pipeline(GATE)
    plant.token(name, "Gate", "Approve")
    plant.codepipeline.delete_pipeline(name=name)
    plant.codepipeline.delete_pipeline(name=name)
    with pytest.raises(ClientError, match="PipelineNotFoundException"):
        plant.codepipeline.get_pipeline_state(name=name)
    with pytest.raises(ClientError, match="PollForJobs is not supported by the local AWS"):
        plant.codepipeline.poll_for_jobs(
            actionTypeId={"category": "Build", "owner": "Custom", "provider": "x", "version": "1"}
        )
