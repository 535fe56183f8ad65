from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

# Imported for the operations that it registers.
import modelyard.local.sagemaker.registry
from tests.local.sagemaker.in_process import LocalSageMaker

__all__ = ["modelyard"]


@pytest.fixture
def sagemaker(tmp_path: Path) -> Iterator[LocalSageMaker]:
    local = LocalSageMaker(tmp_path)
    yield local
    local.close()
