from __future__ import annotations

import pytest

from tests.local.codepipeline.plant import Plant
from tests.local.fast_aws import fast_aws
from tests.local_aws import LocalAws

__all__ = ["fast_aws"]


@pytest.fixture(scope="session")
def plant(local_aws: LocalAws) -> Plant:
    """The session's local AWS with what pipelines need."""
    made = Plant(local_aws)
    made.put()
    return made
