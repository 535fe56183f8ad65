"""What a pipeline runs on, and that it runs on it once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from modelyard.lambdas.delivery.inputs import NoAccess, NoData, inputs_name
from modelyard.lambdas.delivery.starting import Run
from modelyard.local import environment
from tests.lambdas.delivery.training.projects import Project, StageOfTest
from tests.local.sagemaker.lab import Lab


@pytest.fixture
def project(lab: Lab) -> Project:
    project = Project(lab, "project")
    project.put()
    return project


@pytest.fixture
def stage(lab: Lab, project: Project) -> StageOfTest:
    return StageOfTest(lab, project)


def now() -> datetime:
    return datetime.now(UTC)


def test_the_name_is_the_same_for_the_same_inputs_and_one_that_sagemaker_takes(
    project: Project, stage: StageOfTest
) -> None:
    name = inputs_name(stage.client, project.pipeline)
    assert name == inputs_name(stage.client, project.pipeline)
    assert name.startswith("inputs-") and len(name) == len("inputs-") + 24


def test_the_same_content_again_is_no_other_input(project: Project, stage: StageOfTest) -> None:
    name = inputs_name(stage.client, project.pipeline)
    project.put()
    assert inputs_name(stage.client, project.pipeline) == name


@pytest.mark.parametrize("change", ["content", "another object", "a key", "definition", "an object less"])
def test_whatever_the_pipeline_runs_on_changes_the_name(change: str, project: Project, stage: StageOfTest) -> None:
    project.put("more.csv")
    before = inputs_name(stage.client, project.pipeline)
    remove = {"Bucket": project.lab.bucket, "Key": f"{project.prefix}more.csv"}
    match change:
        case "content":
            project.put(content="2")
        case "another object":
            project.put("new.csv")
        case "a key":
            project.lab.s3.delete_object(**remove)
            project.put("other.csv")
        case "definition":
            project.change(limit=2.9)
        case "an object less":
            project.lab.s3.delete_object(**remove)
    assert inputs_name(stage.client, project.pipeline) != before


def test_more_objects_than_a_page_are_all_looked_at(project: Project, stage: StageOfTest) -> None:
    s3 = environment.client(project.lab.aws.instance, "s3")
    s3.meta.events.register("provide-client-params.s3.ListObjectsV2", lambda params, **_: {**params, "MaxKeys": 2})
    clients = {"s3": s3, "sagemaker": stage.client("sagemaker")}
    for number in range(5):
        project.put(str(number))
    before = inputs_name(clients.__getitem__, project.pipeline)
    project.put("4", "other")
    assert inputs_name(clients.__getitem__, project.pipeline) != before


@pytest.mark.parametrize("folder", [False, True])
def test_without_data_nothing_is_started_and_the_remedy_is_told(folder: bool, lab: Lab) -> None:
    project = Project(lab, "empty")
    if folder:
        project.put("", "")
    with pytest.raises(NoData) as told:
        Run.of(StageOfTest(lab).client, project.pipeline)
    assert str(told.value) == f"no data below {project.uri}; put some there: aws s3 cp FILE {project.uri}"


def test_a_bucket_that_may_not_be_listed_is_told_by_its_uri(project: Project, stage: StageOfTest) -> None:
    from botocore.stub import Stubber

    with Stubber(stage.client("s3")) as stub, pytest.raises(NoAccess, match=project.uri):
        stub.add_client_error("list_objects_v2", "AccessDenied", http_status_code=403)
        inputs_name(stage.client, project.pipeline)


def test_an_execution_bears_the_name_of_its_inputs_and_settles_them(project: Project, stage: StageOfTest) -> None:
    run = Run.of(stage.client, project.pipeline)
    assert run.settled(now()) is None
    arn = run.start()
    assert project.executions()[0]["PipelineExecutionDisplayName"] == run.name
    assert project.end() == ["Succeeded"]
    settled = Run.of(stage.client, project.pipeline).settled(now())
    assert settled and settled.arn == arn


def test_one_that_runs_settles_them_too(lab: Lab) -> None:
    project = Project(lab, "running", wait=True)
    project.put()
    stage = StageOfTest(lab, project)
    Run.of(stage.client, project.pipeline).start()
    settled = Run.of(stage.client, project.pipeline).settled(now())
    assert settled and settled.status == "Executing"
    project.open()
    project.end()


def test_inputs_that_come_back_have_run_already(project: Project, stage: StageOfTest) -> None:
    first = Run.of(stage.client, project.pipeline).start()
    project.end()
    project.put(content="2")
    Run.of(stage.client, project.pipeline).start()
    project.end()
    project.put()
    settled = Run.of(stage.client, project.pipeline).settled(now())
    assert settled and settled.arn == first


def test_one_that_failed_is_run_again_once_by_whoever_asks_after_it(lab: Lab) -> None:
    project = Project(lab, "failing", limit=2.2)
    project.put()
    stage = StageOfTest(lab, project)
    asked_before = now() - timedelta(minutes=1)
    Run.of(stage.client, project.pipeline).start()
    project.end()
    assert Run.of(stage.client, project.pipeline).settled(asked_before)

    asked_after = now()
    run = Run.of(stage.client, project.pipeline)
    assert run.settled(asked_after) is None
    run.start()
    run.start()
    assert project.end() == ["Failed", "Failed"]
    assert Run.of(stage.client, project.pipeline).settled(asked_after)


@pytest.mark.parametrize("failed_before", [False, True])
def test_racing_starters_start_one_execution(failed_before: bool, lab: Lab) -> None:
    project = Project(lab, "race", limit=2.2)
    project.put()
    if failed_before:
        Run.of(StageOfTest(lab, project).client, project.pipeline).start()
        project.end()
    barrier = threading.Barrier(8)
    started: list[str] = []

    def race() -> None:
        run = Run.of(StageOfTest(lab).client, project.pipeline)
        barrier.wait()
        started.append(run.start())

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(started) == 8 and len(set(started)) == 1
    assert len(project.executions()) == 1 + failed_before
