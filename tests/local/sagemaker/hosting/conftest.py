from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local.fast_aws import fast_aws
from tests.local.sagemaker.hosting.endpoint_maker import EndpointMaker
from tests.local.sagemaker.hosting.inbox import Inbox
from tests.local_aws import LocalAws

__all__ = ["fast_aws"]


@pytest.fixture
def maker(local_aws: LocalAws) -> Iterator[EndpointMaker]:
    made = EndpointMaker(local_aws)
    yield made
    made.clean_up()


@pytest.fixture
def fast_maker(fast_aws: LocalAws) -> Iterator[EndpointMaker]:
    """Where a minute of AWS's time passes in a fifth of a second."""
    made = EndpointMaker(fast_aws)
    yield made
    made.clean_up()


@pytest.fixture
def inbox(maker: EndpointMaker) -> Inbox:
    return Inbox(maker)


@pytest.fixture
def fast_inbox(fast_maker: EndpointMaker) -> Inbox:
    return Inbox(fast_maker)
