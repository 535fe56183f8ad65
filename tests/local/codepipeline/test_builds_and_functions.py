"""Actions that build and invoke, and a pipeline of all kinds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.codepipeline.plant import Plant, act, stage
from tests.local.codepipeline.test_deploy import deploy, status, template
from tests.local.fast_aws import eventually
from tests.local.sagemaker.lab import unique

BUILDSPEC = """
version: 0.2
env: {exported-variables: [RESULT]}
phases:
  build:
    commands:
      - test "$GIVEN" = "key source"
      - sed "s/one-/$WORD-/" stack.json > built.json
      - export RESULT=passed
artifacts: {files: [built.json]}
"""


def project(plant: Plant, buildspec: str = "") -> str:
    """A project of CodeBuild that takes from a pipeline and gives to it; its name."""
    name = unique("project")
    role = plant.make_role(Service="codebuild.amazonaws.com")
    plant.aws.client("codebuild").create_project(
        name=name,
        source={"type": "CODEPIPELINE", **({"buildspec": buildspec} if buildspec else {})},
        artifacts={"type": "CODEPIPELINE"},
        environment={"type": "LINUX_CONTAINER", "image": "standard:7.0", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole=role,
    )
    return name


def build(plant: Plant, project: str, *, inputs: tuple[str, ...] = ("Source",), **more: Any) -> dict[str, Any]:
    """An action of CodeBuild."""
    configuration = {"ProjectName": project, **more.pop("configuration", {})}
    return act(more.pop("name", "Build"), "Build/CodeBuild", configuration, inputArtifacts=inputs, **more)


def test_a_pipeline_of_all_kinds_of_actions(plant: Plant) -> None:
    key, stack = f"{unique('all')}.zip", unique("stack")
    plant.put(key, **{"buildspec.yml": BUILDSPEC, "stack.json": template("one")})
    topic = plant.aws.client("sns").create_topic(Name=unique("topic"))["TopicArn"]
    queue = plant.aws.client("sqs").create_queue(QueueName=unique("queue"))["QueueUrl"]
    queue_arn = f"arn:aws:sqs:{plant.aws.region}:{plant.aws.account}:{queue.rpartition('/')[2]}"
    plant.aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    variables = [{"name": "WORD", "value": "#{variables.WORD}"}, {"name": "GIVEN", "value": "key source"}]
    function = plant.function("""
assert given == "passed", given
codepipeline.put_job_success_result(jobId=job["id"], outputVariables={"LINK": "https://example.com/" + given})
""")
    approve = {"NotificationArn": topic, "CustomData": "#{Built.RESULT}", "ExternalEntityLink": "#{Checked.LINK}"}
    up = deploy(plant, "Up", "CREATE_UPDATE", stack)
    up["configuration"]["TemplatePath"], up["inputArtifacts"] = "Made::built.json", [{"name": "Made"}]
    name = plant.pipeline(
        stages=[
            stage("Source", plant.source(key=key)),
            stage(
                "Build",
                build(
                    plant,
                    project(plant),
                    outputArtifacts=["Made"],
                    namespace="Built",
                    configuration={"EnvironmentVariables": json.dumps(variables)},
                ),
                act(
                    "Check",
                    "Invoke/Lambda",
                    {"FunctionName": function, "UserParameters": "#{Built.RESULT}"},
                    namespace="Checked",
                    runOrder=2,
                ),
            ),
            stage("Gate", act("Approve", "Approval/Manual", approve)),
            stage("Deploy", up),
        ],
        variables=[{"name": "WORD", "defaultValue": "two"}],
    )
    token = plant.token(name, "Gate", "Approve")
    (sent,) = plant.aws.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
    message = json.loads(json.loads(sent["Body"])["Message"])
    approval = message.pop("approval")
    console = f"https://console.aws.amazon.com/codepipeline/home?region={plant.aws.region}#/view/{name}"
    assert message == {"region": plant.aws.region, "consoleLink": console}
    assert approval.pop("expires").endswith("Z")
    assert approval == {
        "pipelineName": name,
        "stageName": "Gate",
        "actionName": "Approve",
        "token": token,
        "externalEntityLink": "https://example.com/passed",
        "approvalReviewLink": f"{console}/Gate/Approve/approve/{token}",
        "customData": "passed",
    }
    assert plant.state(name)["Gate"]["actionStates"][0]["entityUrl"] == "https://example.com/passed"
    plant.answer(name, "Gate", "Approve")
    plant.succeeded(name)
    actions = plant.actions(name)
    assert actions["Up"]["output"]["outputVariables"] == {"Word": "two-none"}
    result = actions["Build"]["output"]["executionResult"]
    assert "console.aws.amazon.com/cloudwatch" in result["externalExecutionUrl"]
    assert status(plant, stack) == "CREATE_COMPLETE"


def test_a_build_that_fails_gives_its_phase_and_command(plant: Plant) -> None:
    name = plant.pipeline(
        stage("Build", build(plant, project(plant, "version: 0.2\nphases: {build: {commands: [exit 7]}}")))
    )
    assert plant.error(name, "Build") == (
        "Build terminated with state: FAILED. Phase: BUILD, Code: COMMAND_EXECUTION_ERROR, "
        "Message: Error while executing command: exit 7. Reason: exit status 7"
    )


def test_a_build_takes_several_artifacts_and_gives_several(plant: Plant) -> None:
    spec = """
version: 0.2
phases:
  build:
    commands:
      - cat word $CODEBUILD_SRC_DIR_Other/word > one
      - echo second > two
artifacts:
  secondary-artifacts:
    One: {files: [one]}
    Two: {files: [two]}
"""
    keys = f"{unique('first')}.zip", f"{unique('other')}.zip"
    for key, word in zip(keys, ("hello ", "world"), strict=True):
        plant.put(key, word=word)
    action = build(
        plant,
        project(plant, spec),
        inputs=("Other", "First"),
        outputArtifacts=["One", "Two"],
        configuration={"PrimarySource": "First"},
    )
    sources = stage("Source", plant.source("First", key=keys[0]), plant.source("Other", key=keys[1]))
    function = plant.function("""
import io, zipfile
keys, found = job["data"]["artifactCredentials"], {}
s3 = boto3.client("s3", aws_access_key_id=keys["accessKeyId"], aws_secret_access_key=keys["secretAccessKey"],
                  aws_session_token=keys["sessionToken"])
for artifact in job["data"]["inputArtifacts"]:
    place = artifact["location"]["s3Location"]
    body = s3.get_object(Bucket=place["bucketName"], Key=place["objectKey"])["Body"].read()
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        found.update({name: archive.read(name).decode().strip() for name in archive.namelist()})
codepipeline.put_job_success_result(jobId=job["id"], outputVariables=found)
""")
    read = act("Read", "Invoke/Lambda", {"FunctionName": function}, inputArtifacts=["One", "Two"], runOrder=2)
    name = plant.pipeline(stages=[sources, stage("Build", action, read)])
    plant.succeeded(name)
    assert plant.actions(name)["Read"]["output"]["outputVariables"] == {"one": "hello world", "two": "second"}


def test_a_function_goes_on_with_its_token_and_tells_how_far_it_is(plant: Plant) -> None:
    function = plant.function("""
token = job["data"].get("continuationToken", "0")
details = codepipeline.get_job_details(jobId=job["id"])["jobDetails"]["data"]
assert details["actionConfiguration"] == job["data"]["actionConfiguration"]
assert details["pipelineContext"]["action"]["name"] == "Count"
if token == "2":
    codepipeline.put_job_success_result(jobId=job["id"], outputVariables={"COUNT": token})
else:
    codepipeline.put_job_success_result(
        jobId=job["id"],
        continuationToken=str(int(token) + 1),
        executionDetails={"summary": "at " + token, "externalExecutionId": "run-" + token, "percentComplete": 50},
    )
""")
    name = plant.pipeline(stage("Work", act("Count", "Invoke/Lambda", {"FunctionName": function})))

    def summary() -> str:
        state = plant.state(name)["Work"]["actionStates"][0].get("latestExecution", {})
        return str(state.get("summary", ""))

    eventually(lambda: summary().startswith("at "), "it tells how far it is")
    plant.succeeded(name)
    output = plant.actions(name)["Count"]["output"]
    assert output["outputVariables"] == {"COUNT": "2"}
    assert output["executionResult"]["externalExecutionId"] == "run-1"


def test_a_job_that_is_over_takes_no_result(plant: Plant) -> None:
    function = plant.function("""
codepipeline.put_job_failure_result(jobId=job["id"], failureDetails={"type": "JobFailed", "message": job["id"]})
""")
    name = plant.pipeline(stage("Work", act("Fail", "Invoke/Lambda", {"FunctionName": function})))
    over = plant.error(name, "Fail")
    with pytest.raises(ClientError, match="InvalidJobStateException"):
        plant.codepipeline.put_job_success_result(jobId=over)
    with pytest.raises(ClientError, match="JobNotFoundException"):
        plant.codepipeline.put_job_success_result(jobId="00000000-0000-0000-0000-000000000000")


def test_a_function_that_is_not_there_fails_the_action(plant: Plant) -> None:
    name = plant.pipeline(stage("Work", act("Call", "Invoke/Lambda", {"FunctionName": "nothing"})))
    assert "nothing" in plant.error(name, "Call")


def test_the_key_of_the_store_encrypts_artifacts_and_is_told_to_functions(plant: Plant) -> None:
    key = plant.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    function = plant.function("""
key = job["data"]["encryptionKey"]["id"]
codepipeline.put_job_success_result(jobId=job["id"], outputVariables={"KEY": key})
""")
    store = {"type": "S3", "location": plant.store, "encryptionKey": {"id": key, "type": "KMS"}}
    call = act("Call", "Invoke/Lambda", {"FunctionName": function})
    name = plant.pipeline(stage("Work", call), artifactStore=store)
    plant.succeeded(name)
    actions = plant.actions(name)
    assert actions["Call"]["output"]["outputVariables"] == {"KEY": key}
    place = actions["Source"]["output"]["outputArtifacts"][0]["s3location"]
    kept = plant.s3.head_object(Bucket=place["bucket"], Key=place["key"])
    assert (kept["ServerSideEncryption"], kept["SSEKMSKeyId"]) == ("aws:kms", key)


def test_a_role_may_trust_other_services_too(plant: Plant) -> None:
    role = plant.make_role(Service=["codebuild.amazonaws.com", "codepipeline.amazonaws.com"])
    name = plant.pipeline(stage("Gate", act("Wait", "Approval/Manual")), roleArn=role)
    plant.token(name, "Gate", "Wait")
