from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local.sagemaker.hosting.endpoint_maker import EndpointMaker
from tests.local_aws import LocalAws


@pytest.fixture
def maker(local_aws: LocalAws) -> Iterator[EndpointMaker]:
    made = EndpointMaker(local_aws)
    yield made
    made.clean_up()
