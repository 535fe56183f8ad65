"""Fixtures for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local_aws import LocalAws


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A running local AWS, shared by the session's tests: give what you make in it a name of your own."""
    aws = LocalAws(tmp_path_factory.mktemp("local-aws"))
    try:
        yield aws.up()
    finally:
        aws.down()


@pytest.fixture
def own_local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A running local AWS for this test alone: stop it, kill it, change anything."""
    aws = LocalAws(tmp_path_factory.mktemp("own-local-aws"))
    try:
        yield aws.up()
    finally:
        aws.down()


@pytest.fixture(scope="session")
def bootstrapped(local_aws: LocalAws) -> LocalAws:
    """The shared local AWS after ``cdk bootstrap``."""
    local_aws.bootstrap()
    return local_aws
