"""What the engine does when SageMaker itself fails, and when the local AWS ends under an execution."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelyard.local.sagemaker import pipelines
from modelyard.local.sagemaker.context import Context
from modelyard.local.sagemaker.pipelines import steps
from modelyard.local.sagemaker.pipelines.definition import Step
from tests.local.sagemaker.in_process import LocalSageMaker
from tests.local.sagemaker.lab import Lab
from tests.local.sagemaker.pipelines.test_definition import processing
from tests.local.sagemaker.pipelines.test_executions import step
from tests.local_aws import LocalAws

FAULT = "SageMaker.JOB_INTERNAL_ERROR"


class Jobs:
    """Stands for SageMaker's jobs: of those it is asked for, the first ``failures`` fail."""

    def __init__(self, failures: int, fault: str | None) -> None:
        self.failures = failures
        self.fault = fault
        self.names: list[str] = []

    def __call__(
        self, context: Context, step: Step, arguments: dict[str, Any], name: str, started: steps.Started
    ) -> steps.Result:
        self.names.append(name)
        if len(self.names) <= self.failures:
            raise steps.StepFailed("InternalServerError: try again", self.fault)
        return steps.Result({}, {})


@pytest.fixture
def sagemaker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalSageMaker]:
    local = LocalSageMaker(tmp_path)
    monkeypatch.setattr(local.emulator, "client", lambda *names: object())
    pipelines.start(local.service)
    yield local
    local.close()


def run(sagemaker: LocalSageMaker, attempts: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """One execution of one step that may be tried again ``attempts`` times; returns it and its step."""
    policy = {"ExceptionType": [FAULT], "IntervalSeconds": 0.01, "BackoffRate": 1.0, "MaxAttempts": attempts}
    definition = {"Version": "2020-12-01", "Steps": [processing("Only", RetryPolicies=[policy])]}
    role = "arn:aws:iam::111122223333:role/pipeline"
    sagemaker.call(
        "CreatePipeline",
        PipelineName="retries",
        PipelineDefinition=json.dumps(definition),
        RoleArn=role,
        ClientRequestToken="t" * 32,
    )
    started = sagemaker.call("StartPipelineExecution", PipelineName="retries", ClientRequestToken="e" * 32)
    sagemaker.service.components["pipelines"].wait(started["PipelineExecutionArn"])
    execution = sagemaker.call("DescribePipelineExecution", **started)
    (only,) = sagemaker.call("ListPipelineExecutionSteps", **started)["PipelineExecutionSteps"]
    return execution, only


def test_a_fault_that_a_policy_names_is_tried_again_under_a_new_name(
    sagemaker: LocalSageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = Jobs(2, FAULT)
    monkeypatch.setitem(steps.ACTIONS, "Processing", jobs)

    execution, only = run(sagemaker, attempts=3)

    assert execution["PipelineExecutionStatus"] == only["StepStatus"] == "Succeeded"
    assert only["AttemptCount"] == 3
    assert len(set(jobs.names)) == 3


@pytest.mark.parametrize(("fault", "attempts", "tried"), [(FAULT, 2, 3), (None, 5, 1), ("Step.THROTTLING", 5, 1)])
def test_attempts_end_and_other_faults_are_final(
    fault: str | None, attempts: int, tried: int, sagemaker: LocalSageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = Jobs(99, fault)
    monkeypatch.setitem(steps.ACTIONS, "Processing", jobs)

    execution, only = run(sagemaker, attempts)

    assert execution["PipelineExecutionStatus"] == "Failed"
    assert (only["StepStatus"], only["FailureReason"]) == ("Failed", "InternalServerError: try again")
    assert len(jobs.names) == only["AttemptCount"] == tried


@pytest.mark.timeout(120)
def test_an_execution_that_ran_when_the_server_was_killed_is_marked_and_can_be_retried(
    own_local_aws: LocalAws, tmp_path: Path
) -> None:
    lab = Lab(own_local_aws, tmp_path)
    marker = tmp_path / "marker"
    script = f"import pathlib, time\nif not pathlib.Path({str(marker)!r}).exists(): time.sleep(600)"
    arn = lab.start(lab.pipeline([step(lab, "First"), step(lab, "Second", script, after=["First"])]))
    wait_until_kept(own_local_aws, "Second")

    os.kill(own_local_aws.instance.pid, signal.SIGKILL)
    own_local_aws.up()

    again = lab.reconnected()
    execution = again.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    interrupted = "InternalServerError: the execution was interrupted because the local AWS ended"
    assert (execution["PipelineExecutionStatus"], execution["FailureReason"]) == ("Failed", interrupted)
    statuses = {name: item["StepStatus"] for name, item in again.steps(execution).items()}
    assert statuses == {"First": "Succeeded", "Second": "Failed"}
    marker.touch()
    again.sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="r" * 32)
    assert again.execution_ended(arn)["PipelineExecutionStatus"] == "Succeeded"


def wait_until_kept(aws: LocalAws, name: str) -> None:
    """Return when a step ``name`` that runs is in the snapshot."""
    while True:
        try:
            parts = json.loads((aws.paths.state / "snapshot.json").read_text())["parts"]
            kept = json.loads((aws.paths.state / "blobs" / parts["modelyard-sagemaker"]).read_text())
            (tables,) = kept.values()
            if any(name in run["_Steps"] for run in tables["pipeline-executions"].values()):
                return
        except (FileNotFoundError, KeyError, ValueError):  # none yet, or one that was replaced in between
            pass
        time.sleep(0.05)
