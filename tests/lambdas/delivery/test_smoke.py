"""The smoke test waits for the reviewed version, and compares what it answers with what was recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from modelyard.lambdas.delivery.job import JobFailed, Result, Waiting
from modelyard.lambdas.delivery.projects import Project, holdings
from modelyard.lambdas.delivery.smoke import PATIENCE, SETTLE, smoke_test
from modelyard.lambdas.delivery.smoke_test import check_all
from tests.lambdas.delivery.stages import EXAMPLES, Stage


@pytest.fixture
def stage(target: Stage) -> Stage:
    """A stage in which abalone has an endpoint."""
    target.put("abalone/endpoint-name", target.group)
    return target


def check(stage: Stage, later: timedelta = timedelta()) -> str:
    project = holdings(stage.access).projects["abalone"]
    return smoke_test(stage.access, project, now=lambda: datetime.now(UTC) + later)


def failure(stage: Stage, later: timedelta = timedelta()) -> str:
    with pytest.raises(JobFailed) as caught:
        check(stage, later)
    return str(caught.value)


def waiting(stage: Stage, later: timedelta = timedelta()) -> str:
    with pytest.raises(Waiting) as caught:
        check(stage, later)
    return caught.value.summary


def examples(**changed: Any) -> dict[str, Any]:
    return {**EXAMPLES, "examples": [{**EXAMPLES["examples"][0], **changed}]}  # type: ignore[index]


def test_a_version_that_answers_as_recorded_passes(stage: Stage) -> None:
    stage.serve(stage.register(**stage.evaluate()))
    assert check(stage) == "abalone: version 1 answers 1 examples as recorded"


def test_another_model_fails_with_the_difference(stage: Stage) -> None:
    stage.serve(stage.register(**stage.evaluate()), VERSION="9.9")
    assert failure(stage) == (
        f'endpoint {stage.group}, version 1, example \'row 1\': expected "7.0\\n", received "9.9", '
        "tolerance: relative 0.01, absolute 0"
    )


def test_a_version_that_awaits_approval_is_waited_for_with_the_command(stage: Stage) -> None:
    stage.serve(stage.register(**stage.evaluate()))
    stage.register("PendingManualApproval")
    assert waiting(stage, PATIENCE * 100) == (
        f"version 2 of abalone awaits approval in {stage.name}: modelyard approve abalone 2 --stage {stage.name}"
    )


def test_a_rejected_version_leaves_what_serves_to_be_tested(stage: Stage) -> None:
    stage.register("Rejected")
    assert check(stage) == "abalone: version 1 is Rejected; no registered version serves"
    stage.serve(stage.register(**stage.evaluate()))
    stage.register("Rejected")
    told = "abalone: version 3 is Rejected; abalone: version 2 answers 1 examples as recorded"
    assert check(stage) == told


def test_an_approved_version_is_waited_for_until_it_serves(stage: Stage) -> None:
    version = stage.register(**stage.evaluate())
    coming = f"version 1 of abalone is to serve in {stage.name}"
    assert waiting(stage) == f"{coming}: there is no endpoint until its rollout begins"
    stage.serve(version, wait=False, LOAD_SECONDS="1")
    assert waiting(stage, PATIENCE * 100) == f"{coming}: endpoint {stage.group} is Creating"
    stage.settled()
    assert "as recorded" in check(stage)


def test_a_rollout_that_does_not_begin_fails_in_the_end(stage: Stage) -> None:
    stage.serve(stage.register(**stage.evaluate()))
    stage.register(**stage.evaluate())
    coming = f"version 2 of abalone is to serve in {stage.name}"
    assert waiting(stage) == f"{coming}: version 1 serves until its rollout begins"
    assert "until its rollout begins" in waiting(stage, PATIENCE - timedelta(seconds=30))
    assert failure(stage, PATIENCE) == (
        f"{coming}, but 30 minutes after its approval version 1 serves; "
        f"look: modelyard history abalone --stage {stage.name}"
    )


def test_a_rollout_that_is_taken_back_fails_and_names_what_serves(stage: Stage) -> None:
    stage.serve(stage.register(**stage.evaluate()))
    stage.serve(stage.register(**stage.evaluate()), BROKEN="yes")
    assert "until its rollout begins" in waiting(stage)
    told = failure(stage, SETTLE)
    assert told.startswith(
        f"version 2 of abalone is to serve in {stage.name}, but the rollout did not bring it: version 1 serves ("
    )
    assert told.endswith(f"); look: modelyard history abalone --stage {stage.name}")


def test_an_approved_version_that_was_taken_back_into_service_is_tested_in_the_place_of_the_newest(
    stage: Stage,
) -> None:
    first = stage.register(**stage.evaluate())
    stage.serve(first)
    stage.serve(stage.register(**stage.evaluate()))
    assert check(stage) == "abalone: version 2 answers 1 examples as recorded"
    stage.serve(first)
    assert "until its rollout begins" in waiting(stage)
    assert check(stage, SETTLE) == (
        "abalone: version 1 came to serve after version 2 was approved; "
        "abalone: version 1 answers 1 examples as recorded"
    )
    stage.review(first, "Rejected")
    assert "but the rollout did not bring it: version 1 serves" in failure(stage, SETTLE)


def test_an_older_version_that_answers_otherwise_fails_as_any_other(stage: Stage) -> None:
    first = stage.register(**stage.evaluate())
    stage.register(**stage.evaluate())
    stage.serve(first, VERSION="9.9")
    assert "version 1, example 'row 1': expected" in failure(stage, SETTLE)


def test_an_endpoint_that_failed_is_told_with_the_reason(stage: Stage) -> None:
    stage.serve(stage.register(**stage.evaluate()), BROKEN="yes")
    told = failure(stage)
    assert told.startswith(f"version 1 of abalone is to serve in {stage.name}, but endpoint {stage.group} is Failed (")


def test_a_version_without_examples_fails_with_the_remedy(stage: Stage) -> None:
    remedy = "let the pipeline's evaluation write examples.json (docs/pipelines.md), train, and promote the new version"
    stage.serve(stage.register())
    assert failure(stage) == (
        f"version 1 of abalone names no evaluation, so that it has no recorded examples: {remedy}"
    )
    stage.serve(version := stage.register(**stage.evaluate(examples=None)))
    folder = stage.describe(version)["CustomerMetadataProperties"]["evaluation"]
    assert failure(stage) == (
        f"version 2 of abalone has no recorded examples, {folder}/examples.json is missing: {remedy}"
    )
    stage.serve(stage.register(**stage.evaluate(examples={**EXAMPLES, "version": 2})))
    assert "/examples.json: version: received 2; allowed: 1; let the pipeline's" in failure(stage)


def test_a_project_without_an_endpoint_or_a_version_is_told(stage: Stage) -> None:
    assert check(stage) == f"abalone: no version is registered in {stage.name}"
    assert smoke_test(stage.access, Project("whelk", "group")) == "whelk: no endpoint"


def test_every_project_is_tested_and_failures_come_first(stage: Stage) -> None:
    stage.project("whelk")
    told = f"abalone: no version is registered in {stage.name}; whelk: no endpoint"
    assert check_all(stage.access) == Result(told, {"TESTED": told})
    stage.register("PendingManualApproval")
    with pytest.raises(Waiting, match="version 1 of abalone awaits approval"):
        check_all(stage.access)
    other = stage.project("oyster", endpoint=True)
    stage.serve(stage.register(group=other), endpoint=other)
    with pytest.raises(JobFailed, match=r"^version 1 of oyster names no evaluation"):
        check_all(stage.access)

    def refuse(call: str) -> None:
        if call == "DescribeEndpoint":
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not allowed"}}, call)

    stage.register("Rejected", group=stage.project("clam", endpoint=True))
    stage.before_call = refuse
    with pytest.raises(JobFailed, match=r"^clam: An error occurred \(AccessDeniedException\).*; oyster: An error"):
        check_all(stage.access)
