"""Builds really run their buildspec."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.codebuild.workshop import Workshop, states, zipped
from tests.local.sagemaker.lab import unique
from tests.local_aws import LocalAws


def spec(**phases: Any) -> str:
    """A buildspec with these phases: lists of commands, or whole phases."""
    whole = {name: phase if isinstance(phase, dict) else {"commands": phase} for name, phase in phases.items()}
    return json.dumps({"version": 0.2, "phases": whole}, indent=1)


def test_phases_run_in_order_in_one_shell(workshop: Workshop) -> None:
    build, printed = workshop.run(
        spec(
            post_build=["echo $WORD last"],
            install=["export WORD=one", "mkdir -p deep && cd deep"],
            build=["echo $WORD in ${PWD##*/}"],
        )
    )
    assert build["buildStatus"] == "SUCCEEDED"
    assert printed == ["one in deep", "one last"]
    assert set(states(build).values()) == {"SUCCEEDED"}
    assert [phase["phaseType"] for phase in build["phases"]] == [
        *("SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD"),
        *("UPLOAD_ARTIFACTS", "FINALIZING", "COMPLETED"),
    ]


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_shell_may_print_what_it_runs(workshop: Workshop, shell: str) -> None:
    phases = {"build": {"commands": ["set -x", "echo hi", "(exit 3)"]}}
    buildspec = {"version": 0.2, "env": {"shell": shell}, "phases": phases}
    build, printed = workshop.run(json.dumps(buildspec, indent=1))
    assert build["buildStatus"] == "FAILED"
    assert "exit status 3" in str(build["phases"])
    assert {"echo hi", "hi", "exit 3"} <= {line.lstrip("+ ") for line in printed}
    assert not re.search("[0-9a-f]{32}", "".join(printed)), "a mark is shown"


def test_a_source_in_s3_is_where_the_commands_run_and_may_hold_the_buildspec(workshop: Workshop) -> None:
    location = workshop.upload(
        zipped(**{"buildspec.yml": spec(build=["./greet", "pwd"]), "greet": "#!/bin/sh\necho hi"})
    )
    project = workshop.project("", source={"type": "S3", "location": location})
    build = workshop.ended(workshop.start(project))
    said, folder = workshop.printed(build)
    assert said == "hi"
    assert folder.endswith("/src")


def test_a_build_has_its_variables_and_the_credentials_of_its_role(workshop: Workshop) -> None:
    buildspec = """
version: 0.2
env: {variables: {A: spec, B: spec}}
phases:
  build:
    commands:
      - echo "$A $B $C $CODEBUILD_BUILD_ID $CODEBUILD_BUILD_SUCCEEDING $CI"
      - aws sts get-caller-identity --query Arn --output text
"""
    environment = {"type": "LINUX_CONTAINER", "image": "standard:7.0", "computeType": "BUILD_GENERAL1_SMALL"}
    variables = [{"name": "B", "value": "project"}, {"name": "C", "value": "project"}]
    project = workshop.project(buildspec, environment={**environment, "environmentVariables": variables})
    id = workshop.start(project, environmentVariablesOverride=[{"name": "C", "value": "given", "type": "PLAINTEXT"}])
    shown, identity = workshop.printed(workshop.ended(id))
    assert shown == f"spec project given {id} 1 true"
    assert f"assumed-role/{workshop.role.rpartition('/')[2]}/" in identity


def test_a_failed_build_phase_is_followed_by_post_build_which_knows(workshop: Workshop) -> None:
    build, printed = workshop.run(
        spec(build=["echo before", "sh -c 'exit 7'", "echo never"], post_build=["echo ok=$CODEBUILD_BUILD_SUCCEEDING"])
    )
    assert build["buildStatus"] == "FAILED"
    assert printed == ["before", "ok=0"]
    (failed,) = [phase for phase in build["phases"] if phase.get("phaseStatus") == "FAILED"]
    assert (failed["phaseType"], failed["contexts"]) == (
        "BUILD",
        [
            {
                "statusCode": "COMMAND_EXECUTION_ERROR",
                "message": "Error while executing command: sh -c 'exit 7'. Reason: exit status 7",
            }
        ],
    )


@pytest.mark.parametrize("phase", ["install", "pre_build"])
def test_a_failure_before_the_build_ends_it(workshop: Workshop, phase: str) -> None:
    build, printed = workshop.run(spec(**{phase: ["false"], "build": ["echo never"], "post_build": ["echo never"]}))
    assert printed == []
    assert build["buildStatus"] == "FAILED"
    assert "BUILD" not in states(build)


def test_on_failure_abort_leaves_out_post_build(workshop: Workshop) -> None:
    build, printed = workshop.run(spec(build={"on-failure": "ABORT", "commands": ["false"]}, post_build=["echo never"]))
    assert (build["buildStatus"], printed) == ("FAILED", [])


@pytest.mark.parametrize("phase", ["install", "pre_build"])
def test_on_failure_continue_goes_on_and_the_build_has_failed(workshop: Workshop, phase: str) -> None:
    build, printed = workshop.run(
        spec(
            **{
                phase: {"on-failure": "CONTINUE", "commands": ["false"]},
                "build": ["echo ok=$CODEBUILD_BUILD_SUCCEEDING"],
            }
        )
    )
    assert (build["buildStatus"], printed) == ("FAILED", ["ok=0"])
    assert states(build)["UPLOAD_ARTIFACTS"] == "SUCCEEDED"


def test_finally_runs_whether_its_phase_fails_or_not(workshop: Workshop) -> None:
    _, printed = workshop.run(
        spec(
            pre_build={"commands": ["true"], "finally": ["echo after success"]},
            build={"commands": ["exit 3"], "finally": ["echo after failure"]},
        )
    )
    assert printed == ["after success", "after failure"]


def test_a_build_that_is_stopped_ends_with_all_it_started(workshop: Workshop, tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    endless = f"while true; do touch {alive}; sleep 0.1; done"
    id = workshop.start(workshop.project(spec(build=[endless])))
    while not alive.exists():
        time.sleep(0.05)
    workshop.codebuild.stop_build(id=id)
    build = workshop.ended(id)
    assert build["buildStatus"] == "STOPPED"
    alive.unlink()
    time.sleep(0.4)
    assert not alive.exists()


def test_a_role_that_does_not_trust_codebuild_is_refused(workshop: Workshop) -> None:
    role = f"arn:aws:iam::{workshop.aws.account}:role/nobody"
    build = workshop.ended(workshop.start(workshop.project(spec(build=["true"]), serviceRole=role)))
    assert build["buildStatus"] == "FAILED"
    (context,) = next(phase for phase in build["phases"] if phase.get("phaseStatus") == "FAILED")["contexts"]
    assert "allows principal 'codebuild.amazonaws.com' to assume the role" in context["message"]


@pytest.mark.parametrize(
    ("buildspec", "message"),
    [
        ("version: 0.1\nphases: {}", "version: 0.1 is not supported; write 0.2"),
        ("version: 0.2\nphases: [", "it is no YAML"),
        (
            "version: 0.2\nphases: {deploy: {}}\n",
            "phases: 'deploy' is not supported by the local AWS; supported: build",
        ),
        ("version: 0.2\nreports: {}\nphases: {}", "the buildspec: 'reports' is not supported by the local AWS"),
        ("version: 0.2\nartifacts: {}\nphases: {}", "artifacts.files: there is none"),
        (
            "version: 0.2\nartifacts: {files: [a], enable-symlinks: yes}\nphases: {}",
            "artifacts.enable-symlinks: yes is not supported by the local AWS; leave it out",
        ),
        (
            "version: 0.2\nartifacts: {files: [a], discard-paths: maybe}\nphases: {}",
            "artifacts.discard-paths: 'maybe' is neither yes nor no",
        ),
        (
            "version: 0.2\nenv: {secrets-manager: {A: b}}\nphases: {}",
            "env: 'secrets-manager' is not supported by the local AWS; supported: exported-variables",
        ),
        (
            "version: 0.2\nenv: {exported-variables: [AWS_REGION]}\nphases: {}",
            "env.exported-variables: 'AWS_REGION' cannot be exported",
        ),
        (
            "version: 0.2\nphases:\n  install: {runtime-versions: {java: 17}}",
            "phases.install.runtime-versions.java is not supported by the local AWS; supported: python, nodejs",
        ),
        (
            "version: 0.2\nphases:\n  install: {runtime-versions: {python: '2.7'}}",
            "phases.install.runtime-versions.python: 2.7 is not on this machine, python3 is 3.",
        ),
        ("version: 0.2\nphases:\n  build: {commands: [], finally: [a]}", "phases.build.commands: there is none"),
        ("version: 0.2\nphases:\n  build: {commands: [1]}", "phases.build.commands: 1 is no text: put it in quotes"),
        (
            "version: 0.2\nphases:\n  build: {commands: [a], on-failure: RETRY-3}",
            "phases.build.on-failure: 'RETRY-3' is not supported; supported: ABORT, CONTINUE",
        ),
        ("version: 0.2\nenv: {shell: zsh}\nphases: {}", "env.shell: 'zsh' is not supported; supported: sh, bash"),
        ("missing.yml", "there is no file missing.yml in the source"),
    ],
)
def test_a_wrong_buildspec_fails_the_download_with_its_place(workshop: Workshop, buildspec: str, message: str) -> None:
    build, _ = workshop.run(buildspec)
    assert build["buildStatus"] == "FAILED"
    failed = next(phase for phase in build["phases"] if phase.get("phaseStatus") == "FAILED")
    assert failed["phaseType"] == "DOWNLOAD_SOURCE"
    assert failed["contexts"][0]["statusCode"] == "YAML_FILE_ERROR"
    assert message in failed["contexts"][0]["message"]


def test_a_source_that_is_not_there_fails_the_download(workshop: Workshop) -> None:
    given = {"sourceTypeOverride": "S3", "sourceLocationOverride": f"{workshop.bucket}/nothing.zip"}
    build, _ = workshop.run(spec(build=["true"]), **given)
    failed = next(phase for phase in build["phases"] if phase.get("phaseStatus") == "FAILED")
    assert "nothing.zip cannot be read" in failed["contexts"][0]["message"]


def test_a_request_twice_within_minutes_starts_one_build(workshop: Workshop) -> None:
    project, token = workshop.project(spec(build=["true"])), unique("token")
    first = workshop.start(project, idempotencyToken=token)
    assert workshop.start(project, idempotencyToken=token) == first
    second = workshop.start(project)
    assert workshop.codebuild.list_builds_for_project(projectName=project)["ids"] == [second, first]
    with pytest.raises(ClientError, match="Invalid idempotency token"):
        workshop.start(project, idempotencyToken=token, timeoutInMinutesOverride=10)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sourceVersion": "1"}, "sourceVersion is not supported by the local AWS; leave it out"),
        ({"sourceTypeOverride": "GITHUB"}, "sourceTypeOverride 'GITHUB' is not supported by the local AWS"),
        ({"sourceTypeOverride": "S3"}, "sourceLocationOverride is required"),
        (
            {"environmentVariablesOverride": [{"name": "A", "value": "b", "type": "SECRETS_MANAGER"}]},
            "type 'SECRETS_MANAGER' is not supported by the local AWS; supported: PLAINTEXT",
        ),
        ({"computeTypeOverride": "HUGE"}, "Value 'HUGE' at 'computeTypeOverride' failed to satisfy constraint"),
    ],
)
def test_what_is_not_supported_is_refused(workshop: Workshop, given: dict[str, Any], message: str) -> None:
    project = workshop.project(spec(build=["true"]))
    with pytest.raises(ClientError, match="InvalidInputException") as caught:
        workshop.start(project, **given)
    assert message in str(caught.value)


def test_events_tell_when_a_build_begins_and_how_it_ends(workshop: Workshop) -> None:
    sqs, events, name = workshop.aws.client("sqs"), workshop.aws.client("events"), unique("builds")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = f"arn:aws:sqs:{workshop.aws.region}:{workshop.aws.account}:{name}"
    project = workshop.project(spec(build=["true"]))
    pattern = {"source": ["aws.codebuild"], "detail": {"project-name": [project]}}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    build = workshop.ended(workshop.start(project))
    seen: list[dict[str, Any]] = []
    deadline = time.monotonic() + 20
    while len(seen) < 2 and time.monotonic() < deadline:
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1).get(
            "Messages", []
        ):
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            seen.append(json.loads(message["Body"]))
    assert {event["detail-type"] for event in seen} == {"CodeBuild Build State Change"}
    assert sorted(event["detail"]["build-status"] for event in seen) == ["IN_PROGRESS", "SUCCEEDED"]
    assert {event["detail"]["build-id"] for event in seen} == {build["arn"]}


def test_builds_are_kept_and_one_that_ran_is_a_fault_after_a_restart(own_local_aws: LocalAws) -> None:
    workshop = Workshop(own_local_aws)
    project = workshop.project(spec(build=["sleep 60"]))
    running = workshop.start(project)
    done = workshop.start(workshop.project(spec(build=["true"])))
    workshop.ended(done)
    own_local_aws.down()
    workshop.codebuild = own_local_aws.up().client("codebuild")
    assert workshop.look(done)["buildStatus"] == "SUCCEEDED"
    assert workshop.look(running)["buildStatus"] in ("FAULT", "STOPPED")
    assert project in workshop.codebuild.list_projects()["projects"]
