"""Two stages for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lambdas.delivery.stages import Stage, push
from tests.local_aws import LocalAws


@pytest.fixture(scope="session")
def digest(local_aws: LocalAws) -> str:
    """The digest of the stub's image."""
    return push(local_aws)


@pytest.fixture
def source(local_aws: LocalAws, digest: str) -> Iterator[Stage]:
    stage = Stage(local_aws, "dev")
    yield stage
    stage.close()


@pytest.fixture
def target(local_aws: LocalAws, digest: str) -> Iterator[Stage]:
    stage = Stage(local_aws, "stg")
    yield stage
    stage.close()
