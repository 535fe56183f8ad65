"""The action `Train` on pipelines that really run; only CodePipeline's answers are stubbed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from modelyard.lambdas.delivery import access, train
from modelyard.lambdas.delivery.job import MAX_SHOWN, JobFailed, Result, Waiting
from modelyard.lambdas.delivery.projects import Holdings
from modelyard.lambdas.delivery.projects import Project as StageProject
from tests.lambdas.delivery.training.projects import Died, Project, StageOfTest
from tests.local.sagemaker.lab import Lab


def now() -> str:
    return datetime.now(UTC).isoformat()


class Job:
    """A job of the action, called until it is over."""

    def __init__(self, stage: StageOfTest) -> None:
        self.stage = stage
        self.since = now()
        self.settled: list[int] = []
        self.waited: list[str] = []

    def call(self) -> Result:
        return train.train(self.stage.access, self.since, self.settled)

    def end(self) -> Result:
        """Its result; executions are waited for between the calls."""
        while True:
            try:
                return self.call()
            except Waiting as waiting:
                assert waiting.state.keys() == {"since", "settled"}
                assert waiting.state["since"] == self.since
                self.settled = waiting.state["settled"]
                self.waited.append(waiting.summary)
                self._let_executions_end()

    def _let_executions_end(self) -> None:
        for project in self.stage.projects:
            project.end()


@pytest.fixture
def abalone(lab: Lab) -> Project:
    project = Project(lab, "abalone")
    project.put()
    return project


@pytest.fixture
def asr(lab: Lab) -> Project:
    project = Project(lab, "asr")
    project.put()
    return project


def test_what_changed_is_trained_and_what_did_not_is_left_and_both_are_evaluated(
    lab: Lab, abalone: Project, asr: Project
) -> None:
    stage = StageOfTest(lab, abalone, asr)
    first = Job(stage).end()
    assert first.summary == "abalone: version 1 registered, rmse 2.181; asr: version 1 registered, rmse 2.181"

    abalone.put(content="2")
    second = Job(stage).end()
    assert second.summary == "abalone: version 2 registered, rmse 2.181; asr: unchanged"
    measured = [
        f"abalone version 2: rmse 2.181 ({abalone.evaluation})",
        f"asr version 1: rmse 2.181 ({asr.evaluation})",
    ]
    assert second.variables == {"EVALUATION": "; ".join(measured)}
    assert (len(abalone.executions()), len(asr.executions())) == (2, 1)

    asr.change(limit=2.9)
    assert Job(stage).end().summary == "abalone: unchanged; asr: version 2 registered, rmse 2.181"


def test_a_job_waits_for_executions_and_says_for_which(lab: Lab) -> None:
    project = Project(lab, "slow", wait=True)
    project.put()
    job = Job(StageOfTest(lab, project))
    with pytest.raises(Waiting, match=r"^slow: execution started$"):
        job.call()
    for _ in range(2):
        with pytest.raises(Waiting, match=r"^slow: execution \w+ is Executing$"):
            job.call()
    project.open()
    assert job.end().summary == "slow: version 1 registered, rmse 2.181"
    assert len(project.executions()) == 1


def test_new_data_while_a_job_waits_is_for_the_next_one(lab: Lab) -> None:
    project = Project(lab, "moving", wait=True)
    project.put()
    job = Job(StageOfTest(lab, project))
    with pytest.raises(Waiting):
        job.call()
    project.put(content="2")
    project.open()
    assert job.end().summary == "moving: version 1 registered, rmse 2.181"
    assert len(project.executions()) == 1
    assert Job(job.stage).end().summary == "moving: version 2 registered, rmse 2.181"


def test_what_the_data_trigger_started_before_is_waited_for_and_not_started_again(lab: Lab) -> None:
    project = Project(lab, "triggered", wait=True)
    project.put()
    stage = StageOfTest(lab, project)
    before = Job(stage)
    with pytest.raises(Waiting):
        before.call()
    job = Job(stage)
    with pytest.raises(Waiting, match="is Executing"):
        job.call()
    project.open()
    assert job.end().summary == "triggered: unchanged"
    assert len(project.executions()) == 1


def test_a_model_that_its_gate_refuses_fails_the_job_with_the_reason_and_another_job_tries_again(
    lab: Lab, abalone: Project
) -> None:
    refused = Project(lab, "refused", limit=2.2)
    refused.put()
    stage = StageOfTest(lab, abalone, refused)
    job = Job(stage)
    with pytest.raises(JobFailed) as failed:
        job.end()
    arn = refused.executions()[0]["PipelineExecutionArn"].rpartition("/")[2]
    why = f"refused: execution {arn} Failed: step Refuse: RMSE 2.4 is above the threshold 2.2"
    assert str(failed.value) == why
    assert (len(abalone.executions()), len(refused.executions())) == (1, 1)

    with pytest.raises(JobFailed):
        job.call()
    assert len(refused.executions()) == 1, "a call that is repeated starts nothing"

    with pytest.raises(JobFailed):
        Job(stage).end()
    assert len(refused.executions()) == 2


def test_a_stopped_execution_fails_the_job(lab: Lab) -> None:
    project = Project(lab, "stopped", wait=True)
    project.put()
    job = Job(StageOfTest(lab, project))
    with pytest.raises(Waiting):
        job.call()
    lab.sagemaker.stop_pipeline_execution(
        PipelineExecutionArn=project.executions()[0]["PipelineExecutionArn"], ClientRequestToken="s" * 32
    )
    with pytest.raises(JobFailed, match=r"^stopped: execution \w+ Stopped"):
        job.end()


def test_a_project_without_data_is_not_started_and_told_of_with_the_remedy(lab: Lab, abalone: Project) -> None:
    empty = Project(lab, "empty")
    result = Job(StageOfTest(lab, abalone, empty)).end()
    assert result.summary == (
        "abalone: version 1 registered, rmse 2.181; "
        f"empty: not started, no data below {empty.uri}; put some there: aws s3 cp FILE {empty.uri}"
    )
    assert result.variables["EVALUATION"] == (
        f"abalone version 1: rmse 2.181 ({abalone.evaluation}); empty: no version"
    )
    assert empty.executions() == []


def test_an_execution_that_registers_nothing_is_told_of_with_the_version_there_is(lab: Lab, abalone: Project) -> None:
    stage = StageOfTest(lab, abalone)
    Job(stage).end()
    abalone.change(registers=False)
    result = Job(stage).end()
    arn = abalone.executions()[0]["PipelineExecutionArn"].rpartition("/")[2]
    assert result.summary == f"abalone: execution {arn} registered no version"
    assert result.variables == {"EVALUATION": f"abalone version 1: rmse 2.181 ({abalone.evaluation})"}


def test_a_pipeline_that_is_not_there_fails_the_job_by_its_name(lab: Lab, abalone: Project) -> None:
    stage = StageOfTest(lab, abalone)
    lab.sagemaker.delete_pipeline(PipelineName=abalone.pipeline, ClientRequestToken="d" * 32)
    with pytest.raises(JobFailed, match=rf"^abalone: .*{abalone.pipeline}"):
        Job(stage).end()


def test_no_more_than_some_pipelines_run_at_a_time_and_each_comes_to_its_turn(lab: Lab) -> None:
    projects = [Project(lab, f"p{number}", wait=True) for number in range(train.MAX_RUNNING + 2)]
    for project in projects:
        project.put()
    job = Job(StageOfTest(lab, *projects))
    with pytest.raises(Waiting) as waiting:
        job.call()
    assert waiting.value.summary.count("execution started") == train.MAX_RUNNING
    assert waiting.value.summary.count("waits for its turn") == 2
    assert sum(len(project.executions()) for project in projects) == train.MAX_RUNNING
    for project in projects:
        project.open()
    assert job.end().summary.count("version 1 registered") == len(projects)
    assert [len(project.executions()) for project in projects] == [1] * len(projects)


def test_an_evaluation_of_more_projects_than_fit_says_how_many_are_left_out(
    lab: Lab, abalone: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = StageOfTest(lab, abalone)
    Job(stage).end()
    names = [f"the-longest-name-that-a-project-has-{number:02}" for number in range(20)]
    named = {name: StageProject(name, abalone.group, pipeline=abalone.pipeline) for name in names}
    monkeypatch.setattr(train, "holdings", lambda _: Holdings("", named))
    evaluation = Job(stage).end().variables["EVALUATION"]
    assert len(evaluation) <= MAX_SHOWN
    told = evaluation.split("; ")
    assert told[0] == f"{names[0]} version 1: rmse 2.181"
    assert told[-1] == f"and {20 - len(told) + 1} more"


def test_an_evaluation_that_is_gone_is_left_out(lab: Lab, abalone: Project) -> None:
    stage = StageOfTest(lab, abalone)
    lab.s3.delete_object(Bucket=lab.bucket, Key=abalone.evaluation.rpartition("/")[2])
    assert Job(stage).end().variables == {"EVALUATION": f"abalone version 1 ({abalone.evaluation})"}


@pytest.mark.parametrize("content", ["", "no JSON"])
def test_statistics_that_are_not_json_have_no_metrics(lab: Lab, abalone: Project, content: str) -> None:
    stage = StageOfTest(lab, abalone)
    Job(stage).end()
    lab.put(abalone.evaluation.rpartition("/")[2], content)
    assert Job(stage).end().summary == "abalone: unchanged"


def test_what_is_done_with_is_not_looked_at_before_the_last_call(lab: Lab, abalone: Project) -> None:
    slow = Project(lab, "slow", wait=True)
    slow.put()
    stage = StageOfTest(lab, abalone, slow)
    Job(StageOfTest(lab, abalone)).end()
    job = Job(stage)
    with pytest.raises(Waiting) as waiting:
        job.call()
    assert waiting.value.state["settled"] == [0]
    job.settled = waiting.value.state["settled"]
    stage.calls.clear()
    with pytest.raises(Waiting, match=r"^slow: execution \w+ is Executing$"):
        job.call()
    assert stage.calls.count("sagemaker:ListPipelineExecutions") == 1
    slow.open()
    assert job.end().summary == "abalone: unchanged; slow: version 1 registered, rmse 2.181"


def test_the_places_that_are_kept_fit_into_the_state(lab: Lab) -> None:
    kept = train._settled(dict.fromkeys(range(9000), train.Finding(StageProject("p", "g"), "unchanged")), ())
    assert len(json.dumps({"since": now(), "settled": kept}, separators=(",", ":"))) < 2000


def test_a_stage_without_projects_has_nothing_to_train(lab: Lab) -> None:
    stage = StageOfTest(lab)
    assert Job(stage).end() == Result(f"stage {stage.name} has no project", {"EVALUATION": "no project"})


def test_a_function_that_dies_at_any_call_and_is_called_again_starts_one_execution(lab: Lab) -> None:
    """Wherever a call ends, CodePipeline gives the job again with the state that it kept."""
    calls = _calls_of_a_job(lab)
    assert "StartPipelineExecution" in calls and len(calls) > 8
    for number in range(len(calls)):
        project = Project(lab, "dying", limit=2.2 if number % 2 else 3.0)
        project.put()
        stage = StageOfTest(lab, project)
        stage.die_after = number + 1
        job, died = Job(stage), False
        while True:
            try:
                job.end()
                break
            except Died:
                died = True
                project.end()
            except JobFailed:
                break
        assert died
        assert len(project.executions()) == 1, calls[number]


def _calls_of_a_job(lab: Lab) -> list[str]:
    project = Project(lab, "dying", limit=2.2)
    project.put()
    stage = StageOfTest(lab, project)
    with pytest.raises(JobFailed):
        Job(stage).end()
    return [call.partition(":")[2] for call in stage.calls]


@pytest.fixture
def codepipeline(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """What CodePipeline is told, by operation."""
    told: list[tuple[str, dict[str, Any]]] = []

    class CodePipeline:
        def __getattr__(self, operation: str) -> Any:
            return lambda **arguments: told.append((operation, arguments))

    monkeypatch.setattr(boto3, "client", lambda service, **rest: {"codepipeline": CodePipeline()}[service])
    yield told


def test_the_handler_fixes_the_moment_first_then_starts_waits_and_tells(
    lab: Lab, abalone: Project, codepipeline: list[tuple[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = StageOfTest(lab, abalone)
    roles: list[str] = []

    def assume(given: dict[str, str], role: str, policy: str | None) -> Any:
        assert policy is None
        roles.append(role)
        keys = environment_keys(lab)
        return boto3.Session(region_name=given["region"], **keys)

    monkeypatch.setattr(access, "_assume", assume)
    monkeypatch.setenv("AWS_ENDPOINT_URL", lab.aws.url)
    monkeypatch.setenv("ACCESS_ROLE", "modelyard-{stage}-delivery-train")
    parameters = {"stage": {"name": stage.name, "account": lab.aws.account, "region": lab.aws.region}}

    def call(token: str | None) -> dict[str, Any]:
        data: dict[str, Any] = {"actionConfiguration": {"configuration": {"UserParameters": json.dumps(parameters)}}}
        if token:
            data["continuationToken"] = token
        train.handle({"CodePipeline.job": {"id": "job", "data": data}}, None)
        operation, arguments = codepipeline[-1]
        assert operation == "put_job_success_result", arguments
        return arguments

    first = call(None)
    assert abalone.executions() == []
    again = call(first["continuationToken"])
    since = [json.loads(answer["continuationToken"])["since"] for answer in (first, again)]
    assert since[0] == since[1]
    abalone.end()
    last = call(first["continuationToken"])
    assert last["executionDetails"]["summary"] == "abalone: version 1 registered, rmse 2.181"
    assert last["outputVariables"] == {"EVALUATION": f"abalone version 1: rmse 2.181 ({abalone.evaluation})"}
    assert "continuationToken" not in last
    assert set(roles) == {f"modelyard-{stage.name}-delivery-train"}


def environment_keys(lab: Lab) -> dict[str, str]:
    env = lab.aws.env
    return {"aws_access_key_id": env["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": env["AWS_SECRET_ACCESS_KEY"]}
