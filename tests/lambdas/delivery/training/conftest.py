from __future__ import annotations

from tests.local.sagemaker.lab import lab

__all__ = ["lab"]
