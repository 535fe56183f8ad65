"""Whether what was asked for has come about, view by view."""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from rich.console import Console

from modelyard.approvals.choice import served_before
from modelyard.approvals.display import picture, sentence, show
from modelyard.approvals.endpoint import View
from modelyard.approvals.errors import ApprovalError
from modelyard.approvals.progress import Goal, Outcome, Serves, Sighting, Withdrawn, follow
from modelyard.lambdas.serving.desired import choose
from modelyard.lambdas.serving.ledger import APPROVED, REJECTED, Approval, Attempt, Hold, Records
from modelyard.lambdas.serving.steps import Endpoint
from tests.lambdas.serving.samples import (
    CREATED,
    DECLARED,
    FakePackages,
    approval,
    arn,
    at,
    attempt,
    config,
    endpoint,
    package,
)

FIRST, SECOND, THIRD = approval(1, 1), approval(2, 2), approval(3, 3)
SERVED = attempt(1, FIRST, "succeeded")
GOAL = Serves(arn(2), CREATED, 2, known=frozenset())
GONE = Withdrawn(arn(2), 2, known=frozenset())


def view(
    live: Endpoint | None,
    approvals: Iterable[Approval] = (FIRST, SECOND),
    attempts: Iterable[Attempt] = (SERVED,),
    holds: Iterable[Hold] = (),
    rejected: Iterable[int] = (),
    now: float = 10,
) -> View:
    """A view of an endpoint whose registry agrees with `approvals`, but for the versions `rejected`."""
    records = Records(list(approvals), list(attempts), list(holds))
    packages = [package(each.version, REJECTED if each.version in rejected else APPROVED) for each in records.approvals]
    target = choose(DECLARED, records, FakePackages(packages), live.config_name if live else None)
    return View(at(now), DECLARED, records, live, target)


def updating(version: int) -> Endpoint:
    return endpoint("Updating", config(1), pending_config=config(version))


def tried(outcome: str, **fields: str) -> Attempt:
    found = {"found_config": config(1), "found_modified": at(400), **fields}
    return attempt(2, SECOND, outcome, **found)


BOTH = [SERVED, tried("succeeded")]
PAUSED = Hold(at(9), held=1, reason="fair week")
PINNED = Hold(at(9), held=1, reason="audit", package_arn=arn(1), created=CREATED, version=1)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (view(endpoint("InService", config(1)), approvals=[FIRST]), None),
        (view(None, attempts=[]), None),
        (view(endpoint("Creating", config(2)), attempts=[]), None),
        (view(endpoint("InService", config(1))), None),
        (view(updating(2), attempts=[SERVED, tried("open")]), None),
        (view(updating(2), attempts=[SERVED, tried("open")], holds=[PAUSED]), None),
        (view(endpoint("InService", config(1)), attempts=[SERVED, tried("capacity", reason="none left")]), None),
        (view(endpoint("InService", config(2)), attempts=[SERVED, tried("open")]), (True, "version 2 serves")),
        (view(endpoint("InService", config(2)), holds=[PAUSED]), (True, "version 2 serves")),
        (
            view(endpoint("InService", config(1)), attempts=[SERVED, tried("failed", reason="rolled back: alarm p99")]),
            (False, "version 2 does not serve: rolled back: alarm p99"),
        ),
        (
            view(endpoint("InService", config(1), failure_reason="ping"), attempts=[SERVED, tried("open")]),
            (False, "version 2 does not serve: rolled back: ping"),
        ),
        (
            view(endpoint("UpdateRollbackFailed", config(1)), attempts=[SERVED, tried("open")]),
            (
                False,
                "version 2 does not serve: the endpoint is UpdateRollbackFailed and SageMaker gave no reason",
            ),
        ),
        (
            view(endpoint("InService", config(1)), holds=[PAUSED]),
            (False, f"the endpoint is held since {at(9)} (fair week): version 2 serves after its release"),
        ),
        (
            view(endpoint("InService", config(1)), holds=[PINNED]),
            (False, f"version 2 is not what is wanted: the endpoint is pinned to version 1 since {at(9)} (audit)"),
        ),
        (
            view(endpoint("InService", config(1)), approvals=[FIRST, SECOND, THIRD]),
            (False, "version 2 is not what is wanted: version 3 was approved later"),
        ),
        (
            view(endpoint("InService", config(1)), approvals=[SECOND], rejected=[2]),
            (
                False,
                "version 2 is not what is wanted: it is not eligible (rejected, deleted or not registered completely "
                "meanwhile)",
            ),
        ),
    ],
)
def test_a_version_serves_or_a_reason_tells_why_it_does_not(seen: View, expected: tuple[bool, str] | None) -> None:
    assert GOAL.judge(seen) == (Outcome(*expected) if expected else None)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (view(endpoint("InService", config(2)), attempts=BOTH, rejected=[2]), None),
        (view(endpoint("Updating", config(2), pending_config=config(1)), attempts=BOTH, rejected=[2]), None),
        (view(updating(2), attempts=[SERVED, tried("open")], rejected=[2]), None),
        (
            view(endpoint("InService", config(1)), attempts=BOTH, rejected=[2]),
            (True, "version 2 is rejected; version 1 serves"),
        ),
        (view(None, attempts=[], rejected=[2]), (True, "version 2 is rejected; it does not serve")),
        (
            view(endpoint("InService", config(2)), [SECOND], [tried("succeeded")], rejected=[2]),
            (False, "version 2 is rejected and still serves: no other approved version is eligible"),
        ),
        (
            view(endpoint("InService", config(2)), attempts=BOTH, holds=[PAUSED], rejected=[2]),
            (False, f"the endpoint is held since {at(9)} (fair week): another version serves after its release"),
        ),
    ],
)
def test_a_version_is_withdrawn_or_a_reason_tells_why_it_serves_on(
    seen: View, expected: tuple[bool, str] | None
) -> None:
    assert GONE.judge(seen) == (Outcome(*expected) if expected else None)


def test_an_approval_from_before_the_request_is_not_taken_for_it() -> None:
    seen = view(endpoint("InService", config(1)), attempts=[SERVED, tried("failed", reason="alarm")])
    assert Serves(arn(2), CREATED, 2, known=frozenset([SECOND.key])).judge(seen) is None


def test_versions_of_the_same_content_count_as_the_one_that_is_wanted() -> None:
    twin = approval(2, 2)
    seen = view(endpoint("InService", config(1)), approvals=[FIRST, twin])
    assert seen.package_of(config(1)) == (arn(1), 1)
    assert seen.package_of("made by hand") == ("", 0)


class Looks:
    """An endpoint that looks as told, one look after the other; an exception is raised."""

    def __init__(self, *looks: View | Exception) -> None:
        self._looks = list(looks)

    def look(self) -> View:
        look = self._looks.pop(0)
        if isinstance(look, Exception):
            raise look
        return look


def seen_by(goal: Goal, *looks: View | Exception) -> list[Sighting]:
    return list(follow(Looks(*looks), goal, pause=lambda seconds: None))


def test_a_lost_connection_and_throttling_do_not_end_the_watch() -> None:
    throttled = ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "DescribeEndpoint")
    lost = EndpointConnectionError(endpoint_url="https://api.sagemaker")
    done = view(endpoint("InService", config(2)))
    sightings = seen_by(GOAL, lost, throttled, done)
    assert [bool(item.trouble) for item in sightings] == [True, True, False]
    assert sightings[-1].outcome == Outcome(True, "version 2 serves")
    assert sentence(sightings[0], GOAL).startswith("cannot look just now: Could not connect to the endpoint URL")


BACK = view(endpoint("InService", config(1)), attempts=[SERVED, tried("open")])


def test_a_roll_back_is_told_with_the_alarm_that_the_hook_finds_a_moment_later() -> None:
    explained = view(endpoint("InService", config(1)), attempts=[SERVED, tried("failed", reason="rolled back: p99")])
    sightings = seen_by(GOAL, BACK, BACK, explained)
    assert [item.outcome for item in sightings[:-1]] == [None, None]
    assert sightings[-1].outcome == Outcome(False, "version 2 does not serve: rolled back: p99")
    assert (
        sentence(sightings[0], GOAL) == "InService: the attempt has failed, and the approval hook is about to say why"
    )


def test_a_roll_back_that_the_hook_does_not_explain_is_told_after_half_a_minute() -> None:
    waited: list[float] = []
    sightings = list(follow(Looks(*[BACK] * 100), GOAL, pause=waited.append))
    assert 30 <= sum(waited) < 36
    assert sightings[-1].outcome == Outcome(False, "version 2 does not serve: rolled back: SageMaker gave no reason")


def test_credentials_that_expire_end_the_watch() -> None:
    expired = ClientError({"Error": {"Code": "ExpiredTokenException", "Message": "expired"}}, "DescribeEndpoint")
    with pytest.raises(ClientError):
        seen_by(GOAL, expired)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (
            view(endpoint("InService", config(1)), approvals=[FIRST]),
            "waiting until the approval hook hears of it (should the event be lost, within 15 minutes)",
        ),
        (view(None, attempts=[]), "there is no endpoint yet: it is about to be created"),
        (view(endpoint("Creating", config(2)), attempts=[]), f"Creating: version 2 ({config(2)}) is coming up"),
        (
            view(updating(2), attempts=[SERVED, tried("open")]),
            f"Updating: version 2 ({config(2)}) is coming up, version 1 ({config(1)}) serves meanwhile",
        ),
        (view(endpoint("SystemUpdating", "by hand")), "SystemUpdating: by hand serves meanwhile"),
        (view(endpoint("InService", config(1))), "the endpoint is InService: the approval hook is about to update it"),
        (view(endpoint("Failed", config(2)), attempts=[]), "the endpoint failed: it is about to be deleted"),
        (
            view(endpoint("InService", config(1)), attempts=[SERVED, tried("capacity", reason="no ml.g5")], now=20),
            "SageMaker has no capacity; it is tried again every so often: no ml.g5",
        ),
    ],
)
def test_a_line_tells_what_goes_on(seen: View, expected: str) -> None:
    assert sentence(Sighting(seen), GOAL) == expected


def test_the_picture_of_a_rollout_shows_versions_instances_and_weights() -> None:
    variants = [
        {
            "VariantName": "AllTraffic",
            "CurrentInstanceCount": 1,
            "DesiredInstanceCount": 2,
            "CurrentWeight": 0.5,
            "DesiredWeight": 1.0,
            "VariantStatus": [{"Status": "Baking", "StatusMessage": "Baking for 300 s"}],
        }
    ]
    seen = view(updating(2), attempts=[SERVED, tried("open")], holds=[PAUSED])
    seen.rollout["ProductionVariants"] = variants
    console = Console(file=StringIO(), width=200)
    console.print(picture(seen))
    shown = [line.split(maxsplit=1) for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]
    assert {name: text.strip() for name, text in shown} == {
        "endpoint": "modelyard-dev-abalone",
        "state": "Updating",
        "serves": f"version 1 ({config(1)})",
        "coming": f"version 2 ({config(2)})",
        "rollout": "AllTraffic 1 of 2 instances; weight 0.5 of 1; Baking: Baking for 300 s",
        "held": f"since {at(9)}: fair week",
    }


@pytest.mark.parametrize("terminal", [True, False])
def test_every_change_is_a_line_of_its_own_on_a_terminal_and_elsewhere(terminal: bool) -> None:
    looks = [
        view(endpoint("InService", config(1)), approvals=[FIRST]),
        view(updating(2), attempts=[SERVED, tried("open")]),
        view(updating(2), attempts=[SERVED, tried("open")]),
        view(endpoint("InService", config(2)), attempts=[SERVED, tried("open")]),
    ]
    file = StringIO()
    outcome = show(seen_by(GOAL, *looks), GOAL, Console(file=file, force_terminal=terminal, width=200))
    assert outcome == Outcome(True, "version 2 serves")
    if not terminal:
        assert [line.split()[0] for line in file.getvalue().split("\n") if line] == [
            "waiting",
            "Updating:",
            "InService:",
        ]
    else:
        assert "coming" in file.getvalue()


def served(*versions: int, last: str = "succeeded") -> Records:
    """Versions that served one after the other."""
    outcomes = ["succeeded"] * (len(versions) - 1) + [last]
    attempts = [
        attempt(number, approval(version, number), outcome)
        for number, (version, outcome) in enumerate(zip(versions, outcomes, strict=True), 1)
    ]
    return Records(attempts=attempts)


@pytest.mark.parametrize(
    ("records", "before"),
    [
        (served(1, 2), 1),
        (served(1, 2, 3, 2), 1),
        (served(1, 3, 2), 3),
        (served(1, 2, 1, 3), 1),
        (served(1, 2, last="open"), 1),
        (served(1, 2, 3, last="failed"), 1),
        (served(1, 1, 2, 2), 1),
        (Records([approval(7, 0, source="adopted")], served(8).attempts), 7),
    ],
)
def test_back_is_the_version_just_before_the_first_time_of_the_present_one(records: Records, before: int) -> None:
    assert served_before("abalone", records) == (arn(before), CREATED)


@pytest.mark.parametrize("records", [Records(), served(1), served(1, 2, 1), served(1, last="failed")])
def test_where_nothing_served_before_there_is_no_way_back(records: Records) -> None:
    with pytest.raises(ApprovalError, match="name one: modelyard rollback abalone --to VERSION"):
        served_before("abalone", records)
