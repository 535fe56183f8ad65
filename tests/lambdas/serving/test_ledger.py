"""The ledger's items, written and read in a real table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelyard.lambdas.serving.ledger import FAILED, OPEN, SUCCEEDED, Hold, Ledger, LedgerError, Notice, Records
from tests.lambdas.serving.hook import Stage
from tests.lambdas.serving.samples import approval, at, attempt


@pytest.fixture
def ledger(stage: Stage) -> Ledger:
    return stage.runtime.ledger


def test_what_is_written_is_read_again_and_of_no_other_endpoint(ledger: Ledger) -> None:
    written = Records(
        [approval(1, 10), approval(2, 20, package_arn="", source="adopted", config_name="c", declaration_id="d")],
        [attempt(1, approval(1, 10), OPEN)],
        [Hold(at(30), 1, reason="r", by="b", package_arn="a", created="c", version=3, trigger="t")],
        [Notice("k", at(40), "text")],
    )
    for item in written.approvals:
        ledger.add_approval("e", item)
    ledger.add_attempt("e", written.attempts[0])
    ledger.add_hold("e", written.holds[0])
    ledger.add_notice("e", written.notices[0])
    assert ledger.read("e") == written
    assert ledger.read("e2") == Records()


def test_the_same_approval_twice_is_one_item(ledger: Ledger) -> None:
    ledger.add_approval("e", approval(1, 10))
    ledger.add_approval("e", approval(1, 10, event_id="the same change, told again"))
    assert ledger.read("e").approvals == [approval(1, 10)]


def test_of_two_writers_of_the_next_attempt_one_learns_that_it_was_slower(ledger: Ledger) -> None:
    mine, other = attempt(1, approval(1, 10), OPEN), attempt(1, approval(2, 20), OPEN)
    assert ledger.add_attempt("e", mine)
    assert not ledger.add_attempt("e", other)
    assert ledger.read("e").attempts == [mine]


def test_an_outcome_is_written_once(ledger: Ledger) -> None:
    asked = attempt(1, approval(1, 10), OPEN)
    ledger.add_attempt("e", asked)
    ledger.close_attempt("e", asked, SUCCEEDED, "", at(50))
    ledger.close_attempt("e", asked, FAILED, "too late", at(60))
    assert ledger.read("e").attempts == [replace(asked, outcome=SUCCEEDED, ended_at=at(50))]


def test_two_holds_in_one_moment_do_not_both_seem_to_hold(ledger: Ledger) -> None:
    ledger.add_hold("e", Hold(at(30), 0))
    with pytest.raises(LedgerError, match="endpoint e was changed at this very moment: look at it, and try again"):
        ledger.hold("e", at=at(30), by="me", reason="r")


def test_a_ledger_of_many_pages_is_read_whole(ledger: Ledger) -> None:
    text = "x" * 200_000
    for number in range(8):
        ledger.add_notice("e", Notice(f"{number}", at(number), text))
    assert len(ledger.read("e").notices) == 8
