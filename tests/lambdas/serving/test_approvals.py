"""From a review to what an endpoint answers: the functions against the local AWS, with its own events."""

from __future__ import annotations

import time

from tests.lambdas.serving.behaviour import check_reviews_end_where_they_should
from tests.lambdas.serving.hook import Project, Stage


def test_reviews_in_any_order_end_at_the_version_approved_last(stage: Stage) -> None:
    check_reviews_end_where_they_should(stage)


def test_there_is_no_endpoint_before_the_first_approval_and_one_after_it(project: Project) -> None:
    assert project.settle() == "Absent"
    project.approve(1)
    assert project.settle() == "1"
    assert project.outcomes() == [(1, "succeeded")]


def test_a_container_is_told_which_version_it_serves_and_keeps_what_its_package_tells_it(project: Project) -> None:
    project.approve(2)
    assert project.settle() == "2"
    assert project.invoke(b"which") == project.arn(2)


def test_two_approvals_in_a_row_end_at_the_second(project: Project) -> None:
    project.approve(2)
    project.approve(1)
    assert project.settle() == "1"


def test_events_delivered_five_times_change_nothing(project: Project) -> None:
    project.approve(1)
    assert project.settle(times=5) == "1"
    project.approve(2)
    assert project.settle(times=5) == "2"
    assert project.outcomes() == [(1, "succeeded"), (2, "succeeded")]
    assert len(project.records().approvals) == 2


def test_events_that_arrive_in_the_wrong_order_change_nothing(project: Project) -> None:
    project.approve(1)
    project.approve(2)
    project.reject(2)
    project.approve(2)
    for event in reversed(project.stage.await_events()):
        project.stage.wake(event)
    assert project.settle() == "2"


def test_a_late_event_does_not_undo_a_later_approval(project: Project) -> None:
    project.approve(1)
    late = project.stage.await_events()
    time.sleep(1)  # events tell whole seconds
    project.approve(2)
    assert project.settle() == "2"
    for event in late:
        project.stage.wake(event)
    assert project.settle() == "2"


def test_a_lost_approval_is_made_good_by_one_heartbeat(project: Project) -> None:
    project.settle()
    project.approve(1)
    project.stage.await_events()
    assert project.settle() == "Absent"
    assert project.stage.heartbeat() == [project.name]
    assert project.settle() == "1"


def test_a_lost_rejection_is_made_good_by_one_heartbeat(project: Project) -> None:
    project.approve(1)
    project.approve(2)
    assert project.settle() == "2"
    project.reject(2)
    project.stage.await_events()
    project.stage.heartbeat()
    assert project.settle() == "1"
    assert [(item.version, item.status) for item in project.records().approvals][-1] == (2, "Rejected")


def test_a_heartbeat_without_news_changes_nothing(project: Project) -> None:
    project.approve(1)
    project.settle()
    before = project.records()
    project.stage.heartbeat()
    assert project.settle() == "1"
    assert project.records() == before


def test_a_version_registered_as_approved_is_deployed(project: Project) -> None:
    project.register("Approved")
    assert project.settle() == "3"


def test_a_change_of_metadata_is_no_approval(project: Project) -> None:
    project.approve(2)
    time.sleep(1)
    project.approve(1)
    assert project.settle() == "1"
    project.sagemaker.update_model_package(ModelPackageArn=project.arn(2), ApprovalDescription="well done")
    project.stage.awaited += 1
    assert project.settle() == "1"


def test_rejecting_everything_keeps_the_endpoint_serving_and_tells_it_once(project: Project) -> None:
    project.approve(1)
    project.settle()
    project.stage.notifications()
    project.reject(1)
    assert project.settle() == "1"
    project.stage.heartbeat()
    assert project.settle() == "1"
    assert project.stage.notifications() == ["nothing eligible"]


def test_two_endpoints_of_one_group_both_follow_it(stage: Stage) -> None:
    first = stage.endpoint("first")
    second = stage.endpoint("second", model_package_group_name=first.name)
    first.declare()
    second.declare()
    first.register("Approved")
    assert (first.settle(), second.settle()) == ("1", "1")


def test_an_endpoint_declared_after_the_approval_is_created_at_once(stage: Stage) -> None:
    project = stage.endpoint("late")
    project.register("Approved")
    stage.await_events()
    project.declare()
    assert project.settle() == "1"


def test_a_new_declaration_changes_the_config_and_not_the_version(project: Project) -> None:
    project.approve(1)
    project.settle()
    before = project.config_name()
    project.declare("Update", environment={"COLOUR": "blue"})
    assert project.settle() == "1"
    assert project.config_name() != before


def test_a_model_package_group_made_anew_starts_with_no_approval(project: Project) -> None:
    project.approve(1)
    project.settle()
    project.destroy()
    for version in (1, 2):
        project.sagemaker.delete_model_package(ModelPackageName=project.arn(version))
    project.sagemaker.delete_model_package_group(ModelPackageGroupName=project.name)
    time.sleep(1)  # creation times are told apart by the second
    project.create_group()
    project.register(version="new 1")
    project.declare()
    project.stage.heartbeat()
    assert project.settle() == "Absent"
    project.approve(1)
    assert project.settle() == "new 1"
