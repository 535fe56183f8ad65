"""The table of states and wishes, line by line, and how attempts end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from modelyard.lambdas.serving.desired import Target
from modelyard.lambdas.serving.ledger import CAPACITY, FAILED, OPEN, SUCCEEDED, SUPERSEDED, Hold, Records
from modelyard.lambdas.serving.steps import (
    TABLE,
    Conclusion,
    Endpoint,
    State,
    Step,
    Wish,
    conclude,
    mixed_trigger,
    next_step,
    state,
    unrecorded,
    wish,
)
from modelyard.shapes import service_model
from tests.lambdas.serving.samples import approval, at, attempt, endpoint, package

NOW = at(1000)
DOCUMENTATION = Path(__file__).parents[3] / "docs" / "approvals.md"
BUSY = ["OutOfService", "Creating", "Updating", "SystemUpdating", "RollingBack"]
ASKED = attempt(1, approval(1, 10), OPEN, config_name="new", found_config="old", found_modified=at(400))

# Columns: paused, none eligible, this config, another config, backing off.
EXPECTED = {
    State.ABSENT: "nothing nothing create create nothing",
    State.BUSY: "nothing nothing nothing nothing nothing",
    State.DELETING: "nothing nothing later later nothing",
    State.IN_SERVICE: "nothing nothing nothing update nothing",
    State.FAILED: "nothing delete delete delete delete",
    State.MIXED: "nothing hold hold hold hold",
    State.MIXED_RELEASED: "nothing nothing update update nothing",
}


@pytest.mark.parametrize("row", State)
@pytest.mark.parametrize("column", Wish)
def test_each_state_and_wish_give_the_step_of_the_table(row: State, column: Wish) -> None:
    expected = dict(zip(Wish, EXPECTED[row].split(), strict=True))
    assert TABLE[row][column].value == expected[column]


def test_the_documentation_shows_the_table() -> None:
    lines = DOCUMENTATION.read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    shown = {row[0]: row[1:] for row in rows}
    assert shown["endpoint"] == [column.value for column in Wish]
    assert {row: shown[row.value] for row in State} == {
        row: [TABLE[row][column].value for column in Wish] for row in State
    }


def test_every_status_that_sagemaker_has_is_a_state() -> None:
    statuses = service_model("sagemaker").shape_for("EndpointStatus").enum
    named = {status: state(endpoint(status), Records()) for status in statuses}
    assert {status for status, is_state in named.items() if is_state is State.BUSY} == set(BUSY)
    assert set(named.values()) == set(State) - {State.ABSENT, State.MIXED_RELEASED}


def test_a_status_that_is_not_known_is_left_alone() -> None:
    assert state(endpoint("Dreaming"), Records()) is State.BUSY


def test_no_endpoint_is_absent() -> None:
    assert state(None, Records()) is State.ABSENT


def test_a_failed_roll_back_holds_once_and_not_again_after_its_release() -> None:
    mixed = endpoint("UpdateRollbackFailed", "old")
    held = Hold(at(600), 1, trigger=mixed_trigger(mixed))
    assert next_step(mixed, target("new"), Records(), NOW) is Step.HOLD
    assert next_step(mixed, target("new"), Records(holds=[held]), NOW) is Step.NOTHING
    assert next_step(mixed, target("new"), Records(holds=[held, Hold(at(700), 0)]), NOW) is Step.UPDATE


def target(config_name: str, back_off: float = 0.0) -> Target:
    return Target(approval(1, 10), config_name, package(1), back_off)


@pytest.mark.parametrize(
    ("live", "wanted", "expected"),
    [
        (None, None, Wish.NONE),
        (None, "new", Wish.OTHER),
        ("old", None, Wish.NONE),
        ("old", "new", Wish.OTHER),
        ("new", "new", Wish.SAME),
    ],
)
def test_a_wish_compares_configs(live: str | None, wanted: str | None, expected: Wish) -> None:
    is_there = endpoint("InService", live) if live else None
    assert wish(is_there, target(wanted) if wanted else None, Records(), NOW) is expected


def test_a_pause_comes_before_any_wish_and_a_pin_does_not_pause() -> None:
    paused, pinned = Records(holds=[Hold(at(1), 1)]), Records(holds=[Hold(at(1), 1, package_arn="arn")])
    assert wish(None, target("new"), paused, NOW) is Wish.PAUSED
    assert wish(None, target("new"), pinned, NOW) is Wish.OTHER


@pytest.mark.parametrize(("waited", "expected"), [(299, Wish.BACKING_OFF), (300, Wish.OTHER)])
def test_backing_off_ends_when_its_time_has_passed(waited: int, expected: Wish) -> None:
    missed = replace(attempt(1, approval(1, 10), CAPACITY, config_name="new"), ended_at=at(100))
    assert wish(None, target("new", 300.0), Records(attempts=[missed]), at(100 + waited)) is expected


@pytest.mark.parametrize("status", [*BUSY, "Deleting"])
def test_an_attempt_stays_open_while_the_endpoint_moves(status: str) -> None:
    assert conclude(endpoint(status, "old", pending_config="new"), ASKED) is None


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (None, Conclusion(SUPERSEDED, "the endpoint was deleted")),
        (endpoint("InService", "new"), Conclusion(SUCCEEDED)),
        (endpoint("InService", "old"), Conclusion(FAILED, "rolled back: SageMaker gave no reason")),
        (endpoint("InService", "old", failure_reason="alarm A"), Conclusion(FAILED, "rolled back: alarm A")),
        (endpoint("InService", "third"), Conclusion(SUPERSEDED, "somebody else put the endpoint on config third")),
        (endpoint("Failed", "new", failure_reason="no ping"), Conclusion(FAILED, "no ping")),
        (endpoint("Failed", "new"), Conclusion(FAILED, "the endpoint is Failed and SageMaker gave no reason")),
        (
            endpoint("Failed", "new", failure_reason="InsufficientInstanceCapacity"),
            Conclusion(CAPACITY, "InsufficientInstanceCapacity"),
        ),
        (endpoint("UpdateRollbackFailed", "old", failure_reason="both"), Conclusion(FAILED, "both")),
    ],
)
def test_an_attempt_ends_by_what_the_endpoint_shows(seen: Endpoint | None, expected: Conclusion) -> None:
    assert conclude(seen, ASKED) == expected


def test_an_update_that_sagemaker_does_not_show_yet_is_no_roll_back() -> None:
    assert conclude(endpoint("InService", "old", modified=ASKED.found_modified), ASKED) is None


KNOWN = [
    attempt(1, approval(1, 10), SUCCEEDED, config_name="old"),
    attempt(2, approval(2, 20), FAILED, config_name="bad"),
]


@pytest.mark.parametrize(
    ("seen", "config_name", "expected"),
    [
        (None, "new", False),
        (endpoint("Creating", "new"), "new", True),
        (endpoint("Updating", "old", pending_config="new"), "new", True),
        (endpoint("Updating", "old", pending_config="other"), "new", False),
        (endpoint("Updating", "old"), "old", False),
        (endpoint("InService", "new"), "new", True),
        (endpoint("InService", "old"), "old", False),
        (endpoint("Failed", "new"), "new", True),
        (endpoint("Failed", "bad"), "bad", False),
        (endpoint("Deleting", "new"), "new", False),
    ],
)
def test_a_deployment_that_the_ledger_lacks_is_noticed(seen: Endpoint | None, config_name: str, expected: bool) -> None:
    assert unrecorded(seen, config_name, KNOWN) is expected
