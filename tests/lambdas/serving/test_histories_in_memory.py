"""After any history one heartbeat makes the endpoint serve what an independent model names, with nothing left over."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.lambdas.serving.histories import Histories

HISTORIES = int(os.environ.get("MODELYARD_HISTORIES", "300"))
SEED = int(os.environ.get("MODELYARD_SEED", "0"))


def test_after_any_history_one_heartbeat_is_enough(capsys: pytest.CaptureFixture[str]) -> None:
    """`MODELYARD_HISTORIES` says how many; `MODELYARD_SEED` which: another seed gives other ones."""
    ended = [0]

    @seed(SEED)
    class Counted(Histories):
        def teardown(self) -> None:
            super().teardown()
            ended[0] += 1

    run_state_machine_as_test(
        Counted,
        settings=settings(
            max_examples=HISTORIES,
            stateful_step_count=20,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        ),
    )
    with capsys.disabled():
        print(f"\n{ended[0]} histories of seed {SEED}")
    assert ended[0] >= HISTORIES
