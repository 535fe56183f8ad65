"""A stage as a session sees it: one that is handed in, and a clock that is off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import boto3
import pytest

from modelyard.approvals import reviews
from modelyard.approvals.connection import Connection
from modelyard.approvals.endpoint import ProjectEndpoint
from modelyard.approvals.place import Place
from modelyard.lambdas.serving.instants import instant, seconds_between
from tests.approvals.desk import Desk
from tests.local_aws import LocalAws


@pytest.fixture
def session(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", local_aws.url)
    instance = local_aws.instance
    yield boto3.Session(instance.access_key, instance.secret_key, region_name=instance.region)


def aws_is_off(session: Any, by: timedelta) -> None:
    """Let AWS tell another time than this machine has."""

    def tell(parsed: dict[str, Any], **_: Any) -> None:
        there = format_datetime(datetime.now(UTC) + by, usegmt=True)
        parsed["ResponseMetadata"]["HTTPHeaders"]["date"] = there

    session.events.register("after-call.sts.GetCallerIdentity", tell)


def now() -> str:
    return instant(datetime.now(UTC))


def test_a_session_that_is_handed_in_is_used_and_asks_who_it_is_once(session: Any) -> None:
    calls: list[str] = []
    session.events.register("before-call.sts", lambda model, **_: calls.append(model.name))
    connection = Connection(Place("any"), session)
    told = {connection.who, connection.who, f"arn:aws:iam::{connection.account}:root"}
    assert (told, calls) == ({"arn:aws:iam::111122223333:root"}, ["GetCallerIdentity"])


def test_the_time_is_that_of_aws_where_this_machine_is_off_by_more_than_seconds(session: Any) -> None:
    aws_is_off(session, timedelta(hours=1))
    assert 3595 < seconds_between(now(), Connection(Place("any"), session).moment()) < 3605


def test_the_time_is_that_of_this_machine_where_it_is_right(session: Any) -> None:
    before = now()
    assert before <= Connection(Place("any"), session).moment() <= now()


def test_what_comes_after_something_is_told_a_later_second(session: Any) -> None:
    connection = Connection(Place("any"), session)
    assert connection.moment(after="2999-12-31T23:59:59.500Z") == "3000-01-01T00:00:00.000Z"
    assert connection.moment(after="2001-01-01T00:00:00.000Z") > "2026"


def test_a_roll_back_is_the_last_word_also_where_the_clock_is_an_hour_behind_the_approvals(
    desk: Desk, session: Any
) -> None:
    desk.review(2, "Approved")
    aws_is_off(session, timedelta(hours=-1))
    reviews.rollback(ProjectEndpoint.find(Connection(Place(desk.name), session), "abalone"))
    assert desk.abalone.settle() == "1"
