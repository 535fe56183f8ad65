"""Many endpoints come to serve what was approved last for each, at a price that grows with the changes alone."""

from __future__ import annotations

import pytest

from benchmarks.many_endpoints import TARGET, steps
from tests.lambdas.serving.many import Many, Outcome

APPROVALS = 500


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return [Many(endpoints=25).approve(number, seed=3) for number in steps(APPROVALS)]


def test_each_endpoint_serves_what_was_approved_last_of_what_works(outcomes: list[Outcome]) -> None:
    assert [outcome.wrongs for outcome in outcomes] == [[]] * len(outcomes)
    assert outcomes[-1].deployments > APPROVALS / 2


def test_aws_calls_grow_with_the_changes_and_no_faster(outcomes: list[Outcome]) -> None:
    first, *_, last = [outcome.calls_a_change for outcome in outcomes]
    assert last <= TARGET * first


def test_no_change_reads_the_declarations_of_all_endpoints(outcomes: list[Outcome]) -> None:
    assert not any(outcome.calls["get_parameters_by_path"] for outcome in outcomes)


def test_a_run_is_told_again_by_its_seed() -> None:
    once, again = (Many(endpoints=3).approve(20, seed=4) for _ in range(2))
    assert once == again
