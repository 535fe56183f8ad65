"""A desk for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.approvals.desk import Desk
from tests.local_aws import LocalAws

_NUMBERS = itertools.count(1)


@pytest.fixture
def desk(local_aws: LocalAws, tmp_path: Path) -> Iterator[Desk]:
    """Two registered versions, 1 served and approved, 2 pending."""
    made = Desk(local_aws, f"desk{next(_NUMBERS)}", tmp_path)
    made.abalone.register()
    made.abalone.register()
    made.review(1, "Approved")
    yield made
    made.stage.close()
