"""Whole histories: reviews told late, five times, in the wrong order or not at all, and functions that die."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.lambdas.serving.hook import Died, Project, Stage
from tests.lambdas.serving.review import Review

REVIEWS = st.tuples(
    st.sampled_from(["approve", "reject"]), st.integers(1, 3), st.sampled_from(["once", "five times", "late", "lost"])
)
_DELIVERIES = {"once": 1, "five times": 5, "late": 0, "lost": 0}
_EXAMPLES = itertools.count(1)


@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(REVIEWS, min_size=2, max_size=6))
def test_after_any_history_the_endpoint_serves_what_an_independent_model_names(
    stage: Stage, history: list[tuple[str, int, str]]
) -> None:
    model = Review()
    for verb, version, _ in history:
        model.do(verb, version)
    assume(model.answer is not None)  # with nothing eligible whatever served goes on
    project = stage.endpoint(f"history-{next(_EXAMPLES)}")
    project.declare()
    for _ in range(3):
        project.register()
    project.settle()
    late: list[dict[str, Any]] = []
    for verb, version, telling in history:
        getattr(project, verb)(version)
        events = stage.await_events()
        late += events if telling == "late" else []
        for event in events * _DELIVERIES[telling]:
            stage.wake(event)
        if telling == "lost":
            stage.heartbeat()
            project.settle()
    for event in reversed(late):
        stage.wake(event)
    assert project.settle() == str(model.answer)


def dies_before(project: Project, call: str, occurrence: int) -> list[str]:
    """Let the function die before its call of that name and number from now on; the list holds its name then."""
    left, died = [occurrence], list[str]()

    def before_call(name: str) -> None:
        left[0] -= name == call
        if left[0] == 0 and not died:
            died.append(name)
            raise Died(name)

    project.stage.before_call = before_call
    return died


def test_a_function_that_dies_before_any_call_ends_at_the_right_version_with_one_attempt(project: Project) -> None:
    """Nothing happens between two calls but in the process itself, so these are all the places where a death tells."""
    project.approve(1)
    project.settle()
    project.stage.counted()
    project.approve(2)
    project.settle()
    calls = project.stage.counted()
    assert {
        "PutItem",
        "SendMessage",
        "CreateModel",
        "CreateEndpointConfig",
        "UpdateEndpoint",
        "Publish",
    } <= calls.keys()
    # Parameters are read before and just before the call that counts; items are written for approval and attempt.
    places = [*((call, 1) for call in calls), ("GetParameter", 2), ("PutItem", 2), ("PutItem", 3)]
    for call, occurrence in places:
        version = len(project.versions()) + 1
        attempts = len(project.outcomes())
        project.register("Approved")
        died = dies_before(project, call, occurrence)
        served, made = project.settle(), project.records().attempts[attempts:]
        project.stage.before_call = lambda name: None
        assert served == str(version), f"died before {call}, number {occurrence}: {made}"
        assert [(item.version, item.outcome) for item in made] == [(version, "succeeded")]
        assert died or occurrence > 1
    configs, models = project.artifacts()
    assert sorted(configs) == sorted(models)
