"""A local AWS in which a minute of AWS's time passes in a fifth of a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from modelyard.local.pace import VARIABLE
from tests.local_aws import LocalAws

T = TypeVar("T")


@pytest.fixture(scope="session")
def fast_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A running local AWS with a clock factor of 300, shared by the session's tests."""
    aws = LocalAws(tmp_path_factory.mktemp("fast-aws"))
    try:
        yield up_fast(aws)
    finally:
        aws.down()


def up_fast(aws: LocalAws) -> LocalAws:
    """Start ``aws`` with a clock factor of 300."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, "300")
        return aws.up()


def eventually(look: Callable[[], T | None], what: str) -> T:
    """The first answer of ``look`` that is not None or False."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = look()
        if found is not None and found is not False:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within a minute")
