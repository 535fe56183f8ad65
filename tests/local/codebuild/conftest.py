from __future__ import annotations

import pytest

from tests.local.codebuild.workshop import Workshop
from tests.local_aws import LocalAws


@pytest.fixture(scope="session")
def workshop(local_aws: LocalAws) -> Workshop:
    """The session's local AWS with what builds need."""
    return Workshop(local_aws)
