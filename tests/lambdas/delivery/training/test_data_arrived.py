"""What a batch of messages about new objects starts."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from modelyard.lambdas.delivery.data_arrived import work_off
from tests.lambdas.delivery.training.projects import Died, Project, StageOfTest
from tests.local.sagemaker.lab import Lab


def message(project: Project, seconds: float = 0, id: str = "1") -> dict[str, Any]:
    """What the queue hands over of an object that came so many seconds from now."""
    came = datetime.now(UTC) + timedelta(seconds=seconds)
    event = {
        "time": came.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "detail": {"bucket": {"name": project.lab.bucket}, "object": {"key": f"{project.prefix}data.csv"}},
    }
    body = {"pipeline": project.pipeline, "prefix": project.prefix, "event": event}
    return {"messageId": id, "body": json.dumps(body)}


def handled(stage: StageOfTest, *messages: dict[str, Any]) -> list[str]:
    """The ids of the messages that are to be sent again."""
    answer = work_off({"Records": list(messages)}, stage.client)
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


@pytest.fixture
def project(lab: Lab) -> Project:
    project = Project(lab, "project")
    project.put()
    return project


@pytest.fixture
def stage(lab: Lab, project: Project) -> StageOfTest:
    return StageOfTest(lab, project)


def test_the_last_of_the_objects_starts_the_pipeline_and_the_same_message_again_does_not(
    project: Project, stage: StageOfTest
) -> None:
    for _ in range(3):
        assert handled(stage, message(project)) == []
    assert project.end() == ["Succeeded"]


def test_an_object_after_which_another_one_came_starts_nothing(
    project: Project, stage: StageOfTest, capsys: pytest.CaptureFixture[str]
) -> None:
    assert handled(stage, message(project, -30)) == []
    assert project.executions() == []
    assert json.loads(capsys.readouterr().out)["message"] == "more data came; its own message follows"


def test_one_batch_is_one_look_at_each_pipeline(lab: Lab, project: Project, stage: StageOfTest) -> None:
    other = Project(lab, "other")
    other.put()
    messages = [message(each, -seconds, str(seconds)) for seconds in range(50, -1, -1) for each in (project, other)]
    assert handled(stage, *messages) == []
    assert stage.calls.count("sagemaker:StartPipelineExecution") == 2
    assert stage.calls.count("s3:ListObjectsV2") == 4


def test_only_messages_of_a_pipeline_that_fails_are_sent_again(
    project: Project, stage: StageOfTest, lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = Project(lab, "absent")
    absent.put()
    lab.sagemaker.delete_pipeline(PipelineName=absent.pipeline, ClientRequestToken="d" * 32)
    assert handled(stage, message(absent, id="a"), message(project, id="b"), message(absent, id="c")) == ["a", "c"]
    assert len(project.executions()) == 1
    failed = next(json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (failed["message"], failed["pipeline"]) == ("failed", absent.pipeline)


def test_a_message_that_is_not_one_of_a_rule_holds_up_no_other(project: Project, stage: StageOfTest) -> None:
    strange = [{"messageId": "x", "body": "{}"}, {"messageId": "y", "body": "hello"}]
    assert handled(stage, *strange, message(project)) == ["x", "y"]
    assert len(project.executions()) == 1


def test_data_that_is_gone_again_starts_nothing_and_the_remedy_is_logged(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = Project(lab, "empty")
    assert handled(StageOfTest(lab), message(empty)) == []
    assert json.loads(capsys.readouterr().out)["message"].endswith(f"aws s3 cp FILE {empty.uri}")


def test_the_same_data_put_again_after_a_failure_starts_one_more_execution(lab: Lab) -> None:
    project = Project(lab, "failing", limit=2.2)
    project.put()
    stage = StageOfTest(lab, project)
    first = message(project)
    handled(stage, first)
    assert project.end() == ["Failed"]
    handled(stage, first)
    assert len(project.executions()) == 1, "a message that comes twice is no new event"

    time.sleep(1.1)  # S3 tells times in whole seconds
    project.put()
    again = message(project)
    for _ in range(3):
        handled(stage, again)
        project.end()
    assert project.end() == ["Failed", "Failed"]


def test_new_data_does_not_wait_for_an_execution_on_older_data(lab: Lab) -> None:
    project = Project(lab, "slow", wait=True)
    project.put()
    stage = StageOfTest(lab, project)
    handled(stage, message(project))
    project.put("more.csv")
    handled(stage, message(project))
    assert [item["PipelineExecutionStatus"] for item in project.executions()] == ["Executing", "Executing"]
    project.open()
    assert project.end() == ["Succeeded", "Succeeded"]


def test_a_function_that_dies_after_any_call_and_gets_the_message_again_starts_one_execution(lab: Lab) -> None:
    number = 0
    died = True
    while died:
        number += 1
        project = Project(lab, "dying", limit=2.2)
        project.put()
        stage = StageOfTest(lab, project)
        stage.die_after = number
        sent = message(project)
        died = False
        try:
            handled(stage, sent)
        except Died:
            died = True
            project.end()
            handled(stage, sent)
        project.end()
        assert len(project.executions()) == 1, stage.calls
    assert number == 6, "a look at the data, the definition, the data, the executions, and a start"
