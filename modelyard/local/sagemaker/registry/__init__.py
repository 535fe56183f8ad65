"""The model registry: groups of model packages, their versions, the policies of the groups."""

from __future__ import annotations

from modelyard.local.sagemaker.registry import groups, packages, policies, updates
from modelyard.local.sagemaker.registry.names import find_package

__all__ = ["find_package", "groups", "packages", "policies", "updates"]
