"""Steady load over a canary that succeeds and one that is rolled back: no request fails by the deployment's fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from benchmarks.local import Local, local_aws
from benchmarks.rollout_load import FACTOR, FROM_THE_BAD_MODEL, run
from modelyard.local.pace import VARIABLE

SECONDS, RATE = 4.0, 100.0


@pytest.fixture(scope="module")
def local() -> Iterator[Local]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(FACTOR))
        with local_aws() as started:
            yield started


def test_no_request_fails_while_a_canary_succeeds(local: Local) -> None:
    outcomes, ended_with = run(local, "good", SECONDS, RATE)
    assert ended_with == "good"
    assert len(outcomes) >= SECONDS * RATE
    assert Counter(outcome.cause for outcome in outcomes) == {"": len(outcomes)}
    answered_by = Counter(outcome.model for outcome in outcomes)
    assert set(answered_by) == {"old", "good"}
    # When the canary ended is not known to the request; that it was all of the traffic at last is.
    assert outcomes[-1].model == "good"


def test_only_the_bad_model_fails_requests_while_its_canary_is_rolled_back(local: Local) -> None:
    outcomes, ended_with = run(local, "bad", SECONDS, RATE)
    assert ended_with == "old"
    assert len(outcomes) >= SECONDS * RATE
    causes = Counter(outcome.cause for outcome in outcomes)
    assert set(causes) == {"", FROM_THE_BAD_MODEL}
    # A fifth of the traffic, for a part of the time.
    assert causes[FROM_THE_BAD_MODEL] <= len(outcomes) / 5
    assert outcomes[-1].model == "old"
