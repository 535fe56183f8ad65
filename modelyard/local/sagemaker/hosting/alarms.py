"""The CloudWatch alarms that guard a deployment."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol, cast

from modelyard.local.sagemaker.context import Context

__all__ = ["missing", "tripped"]


class _CloudWatch(Protocol):
    def metric_alarms(self) -> list[tuple[str, str, dict[str, Any]]]: ...


def missing(context: Context, names: Collection[str]) -> list[str]:
    """Those of ``names`` that are no metric alarm of the account and region."""
    known = _alarms(context)
    return [name for name in names if name not in known]


def tripped(context: Context, names: Collection[str]) -> dict[str, str]:
    """Those of ``names`` that are in ALARM now, each with the reason CloudWatch gives; a deleted alarm is not."""
    known = _alarms(context) if names else {}
    return {
        name: str(known[name].get("StateReason") or "no reason given")
        for name in names
        if name in known and known[name]["StateValue"] == "ALARM"
    }


def _alarms(context: Context) -> dict[str, dict[str, Any]]:
    # In memory, not through the API: operations ask this while they hold SageMaker's lock.
    found = cast(_CloudWatch, context.service.emulator).metric_alarms()
    place = (context.account, context.region)
    return {alarm["AlarmName"]: alarm for account, region, alarm in found if (account, region) == place}
