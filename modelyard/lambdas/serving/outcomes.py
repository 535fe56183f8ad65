"""Why an attempt ended as it did: which alarm took it back, and whether its alarms had anything to see."""

from __future__ import annotations

from dataclasses import replace

from . import alarms
from .declaration import Declared
from .ledger import FAILED, SUCCEEDED, Attempt
from .runtime import Runtime
from .steps import ROLLED_BACK, Conclusion

NO_TRAFFIC = "no request came during the rollout, so that its alarms saw nothing"


def explained(runtime: Runtime, declared: Declared, attempt: Attempt, conclusion: Conclusion) -> Conclusion:
    """The conclusion with what CloudWatch knows of it. An alarm that went off blames the version."""
    name, cloudwatch = declared.declaration.endpoint_name, runtime.client("cloudwatch")
    if conclusion.reason.startswith(ROLLED_BACK):
        told = alarms.tripped(cloudwatch, name, attempt.config_name, attempt.asked_at)
        return Conclusion(FAILED, f"{ROLLED_BACK}: {'; '.join(told)}") if told else conclusion
    if conclusion.outcome != SUCCEEDED or not _watched(declared, attempt):
        return conclusion
    idle = alarms.saw_no_traffic(cloudwatch, name, attempt.config_name, attempt.asked_at, runtime.now())
    return replace(conclusion, reason=NO_TRAFFIC) if idle else conclusion


def _watched(declared: Declared, attempt: Attempt) -> bool:
    """Whether it was an update that waited for its alarms to speak."""
    wanted = declared.declaration
    waited = wanted.rollout.waits(wanted.instance_count) > 0
    return bool(attempt.found_config and wanted.alarms) and waited and attempt.declaration_id == declared.id
