from __future__ import annotations

from tests.local.fast_aws import fast_aws

__all__ = ["fast_aws"]
