"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.checkout import Checkout, copy_checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    """A copy of the checkout of this test's own."""
    copied = copy_checkout(tmp_path / "modelyard")
    try:
        yield copied
    finally:
        copied.close()
