"""Too few instances, on demand: how to see what happens when AWS has no more of a type, or a quota is reached.

The local AWS has as many instances as the machine bears. The file ``capacity.json`` in ``.modelyard/sagemaker/`` says
otherwise, by instance type; it is read whenever instances are asked for, so it may be changed at any time::

    {"ml.g5.xlarge": {"available": 1, "quota": 2}}

``available`` is how many may run at once. One more does not start: the endpoint becomes Failed, or goes back to its old
configuration, with the FailureReason of SageMaker's InsufficientInstanceCapacity. ``quota`` is the account's quota for
endpoint usage in a region: a request beyond it is answered ResourceLimitExceeded. Both may be left out.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from modelyard.local.sagemaker.context import Context
from modelyard.local.sagemaker.errors import ResourceLimitExceeded, ValidationException
from modelyard.local.sagemaker.hosting.names import ENDPOINTS
from modelyard.local.sagemaker.hosting.plans import VariantPlan, from_records

__all__ = ["Capacity", "InsufficientCapacity", "InvalidCapacity"]

_MEMBERS = frozenset({"available", "quota"})
_NO_CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. Please retry using a "
    "different ML instance type or after some time."
)
_QUOTA = (
    "The account-level service limit '{type} for endpoint usage' is {quota} Instances, with current utilization of "
    "{used} Instances and a request delta of {delta} Instances. Please use AWS Service Quotas to request an increase "
    "for this quota. If AWS Service Quotas is not available, contact AWS support to request an increase for this quota."
)


class InsufficientCapacity(Exception):
    """There is no instance of the type to be had, in SageMaker's words."""


class InvalidCapacity(Exception):
    """The file does not say what it may."""


class Capacity:
    """The instances that may run, as ``file`` says at the time, and those that do. Safe to use from several threads."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()

    def take(self, instance_type: str) -> None:
        """Count one more instance as running; raises ``InsufficientCapacity`` and ``InvalidCapacity``."""
        available = self._limits("available").get(instance_type)
        with self._lock:
            if available is not None and self._running[instance_type] >= available:
                raise InsufficientCapacity(_NO_CAPACITY)
            self._running[instance_type] += 1

    def give_back(self, instance_type: str) -> None:
        """Count one instance less."""
        with self._lock:
            self._running[instance_type] -= 1

    def require_quota(self, context: Context, more: Iterable[VariantPlan]) -> None:
        """Raise ``ResourceLimitExceeded`` where the account's endpoints and ``more`` are over a quota."""
        try:
            quotas = self._limits("quota")
        except InvalidCapacity as error:
            raise ValidationException(str(error)) from None
        delta = _count(more)
        used = _used(context)
        for instance_type, count in delta.items():
            quota = quotas.get(instance_type)
            if quota is not None and count > 0 and used[instance_type] + count > quota:
                raise ResourceLimitExceeded(
                    _QUOTA.format(type=instance_type, quota=quota, used=used[instance_type], delta=count)
                )

    def _limits(self, member: str) -> dict[str, int]:
        try:
            content = json.loads(self._file.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise InvalidCapacity(f"{self._file}: {error}") from None
        if not isinstance(content, dict) or not all(map(_is_valid, content.values())):
            raise InvalidCapacity(
                f'{self._file}: write {{"INSTANCE TYPE": {{"available": COUNT, "quota": COUNT}}, …}}, counts from 0'
            )
        return {instance_type: limits[member] for instance_type, limits in content.items() if member in limits}


def _is_valid(limits: object) -> bool:
    return (
        isinstance(limits, dict)
        and set(limits) <= _MEMBERS
        and all(type(count) is int and count >= 0 for count in limits.values())
    )


def _used(context: Context) -> Counter[str]:
    used: Counter[str] = Counter()
    for endpoint in context.table(ENDPOINTS).values():
        if endpoint["EndpointStatus"] != "Failed":
            used += _count(from_records(endpoint["_plans"]))
            used += _count(from_records(endpoint.get("_pending_plans", [])))
    return used


def _count(plans: Iterable[VariantPlan]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for plan in plans:
        counted[plan.instance_type] += plan.instances
    return counted
