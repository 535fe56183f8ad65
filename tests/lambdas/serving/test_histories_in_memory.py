"""After any history one heartbeat makes the endpoint serve what an independent model names, with nothing left over."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.lambdas.serving.histories import Histories

HISTORIES = int(os.environ.get("MODELYARD_HISTORIES", "300"))


def test_after_any_history_one_heartbeat_is_enough() -> None:
    """`MODELYARD_HISTORIES` says how many; beyond the usual number they are new ones each time."""
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=HISTORIES,
            stateful_step_count=20,
            deadline=None,
            derandomize=HISTORIES <= 300,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        ),
    )
