from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local.autoscaling.scaled_endpoint import ScaledEndpoint
from tests.local.fast_aws import fast_aws
from tests.local_aws import LocalAws

__all__ = ["fast_aws"]


@pytest.fixture
def endpoint(fast_aws: LocalAws) -> Iterator[ScaledEndpoint]:
    """An endpoint in service, with one instance."""
    made = ScaledEndpoint(fast_aws)
    try:
        yield made
    finally:
        made.clean_up()
