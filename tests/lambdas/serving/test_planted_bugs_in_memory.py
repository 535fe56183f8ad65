"""Histories and crashes find planted bugs, which is what makes them worth having."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.lambdas.serving.bugs import BY_CRASHES, BY_HISTORIES, Plant
from tests.lambdas.serving.crashes import wrongs
from tests.lambdas.serving.histories import Histories

# Of the same kind as those that the hook without a bug passes; the first that fails is enough.
_SETTINGS = settings(
    max_examples=1000,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
    report_multiple_bugs=False,
)


@pytest.mark.parametrize("plant", BY_HISTORIES, ids=lambda plant: plant.__name__)
def test_histories_find_the_bug(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Histories, settings=_SETTINGS)


@pytest.mark.parametrize("plant", BY_CRASHES, ids=lambda plant: plant.__name__)
def test_crashes_find_the_bug(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    _, found = wrongs("update", "all at once")
    assert found
