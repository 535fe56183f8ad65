"""When a failed step is tried again.

See https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-retry-policy.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["SERVICE_FAULT", "THROTTLING", "job_fault", "waits"]

SERVICE_FAULT = "Step.SERVICE_FAULT"
THROTTLING = "Step.THROTTLING"

_INTERVAL_SECONDS = 1
_BACKOFF_RATE = 2.0
_MAX_ATTEMPTS = 5
_JOB_FAULTS = {
    "InternalServerError": "SageMaker.JOB_INTERNAL_ERROR",
    "CapacityError": "SageMaker.CAPACITY_ERROR",
    "ResourceLimitExceeded": "SageMaker.RESOURCE_LIMIT",
}


def job_fault(reason: str) -> str | None:
    """The exception type of a job that failed with ``reason``; None for one that no policy retries."""
    return _JOB_FAULTS.get(reason.partition(":")[0])


def waits(policies: Sequence[dict[str, Any]], fault: str | None) -> Iterator[float]:
    """How many seconds to wait before each further attempt after ``fault``; it ends when no attempt is left.

    Of several policies the first that names ``fault`` counts. Defaults: 1 s, doubled each time, 5 attempts at most.
    With ``ExpireAfterMin`` there is no attempt whose waiting time would end later than that.
    """
    policy = next((item for item in policies if fault in item.get("ExceptionType", ())), None)
    if policy is None:
        return
    wait = float(policy.get("IntervalSeconds", _INTERVAL_SECONDS))
    limit = policy.get("ExpireAfterMin")
    waited = 0.0
    for _ in range(policy.get("MaxAttempts", _MAX_ATTEMPTS) if limit is None else 10_000):
        waited += wait
        if limit is not None and waited > limit * 60:
            return
        yield wait
        wait *= policy.get("BackoffRate", _BACKOFF_RATE)
