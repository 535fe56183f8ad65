"""The function that ends the stage Test."""

import pytest

from modelyard.lambdas.delivery.job import Job, JobFailed
from modelyard.lambdas.delivery.verdict import verdict


def _job(**parameters: str) -> Job:
    return Job(id="1", parameters=parameters, state={}, inputs={}, credentials={})


def test_a_commit_that_passed_goes_on() -> None:
    assert verdict(_job(result="passed\n")).summary == "passed"


def test_a_commit_that_failed_is_stopped_with_the_names_of_its_tests() -> None:
    with pytest.raises(JobFailed, match=r"^failed: tests/test_a.py::test_b$"):
        verdict(_job(result="failed: tests/test_a.py::test_b"))


@pytest.mark.parametrize("parameters", [{}, {"result": ""}])
def test_a_commit_of_which_nothing_is_told_is_stopped(parameters: dict[str, str]) -> None:
    with pytest.raises(JobFailed, match="the build told no result"):
        verdict(_job(**parameters))
