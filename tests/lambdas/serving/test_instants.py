"""Moments come in every form that AWS uses, and leave in one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from modelyard.lambdas.serving.instants import instant, seconds_between, whole_second

MOMENT = "2026-11-22T18:31:56.123Z"


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 11, 22, 18, 31, 56, 123000, UTC),
        datetime(2026, 11, 22, 19, 31, 56, 123456, timezone(timedelta(hours=1))),
        "2026-11-22T18:31:56.123Z",
        "2026-11-22T20:31:56.123+02:00",
        "2026-11-22T18:31:56.123",
        1795372316.1234,
        1795372316123,
        "1795372316123",
    ],
)
def test_every_form_of_a_moment_reads_the_same(value: object) -> None:
    assert instant(value) == MOMENT


def test_whole_seconds_cut_the_fraction_off() -> None:
    assert whole_second("2026-11-22T18:31:56.999Z") == "2026-11-22T18:31:56Z"


def test_a_moment_written_again_is_the_same() -> None:
    assert instant(instant(MOMENT)) == MOMENT


def test_the_time_between_two_moments_has_a_sign() -> None:
    assert seconds_between(MOMENT, "2026-11-22T18:32:00.123Z") == 4.0
    assert seconds_between("2026-11-22T18:32:00.123Z", MOMENT) == -4.0


def test_what_is_no_time_is_refused_with_its_value() -> None:
    with pytest.raises(ValueError, match="not a time: 'tomorrow'"):
        instant("tomorrow")
