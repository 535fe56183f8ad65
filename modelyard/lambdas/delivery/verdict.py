"""verdict: ends the stage Test as the verification of the commit ended, with the names of the tests that failed.

The build itself always ends well, as its artifact is wanted in either case, and as CodePipeline would show nothing of a
failed build but its phase.
"""

from __future__ import annotations

from typing import Any

from .job import Job, JobFailed, Result, perform

__all__ = ["handle"]

PASSED = "passed"


def handle(event: dict[str, Any], context: Any) -> None:
    """Lambda's entry: the job's parameter is `result`, which is `passed` or begins with `failed: `."""
    perform(event, verdict)


def verdict(job: Job) -> Result:
    """The result of the job."""
    result = str(job.parameters.get("result", "")).strip()
    if result != PASSED:
        raise JobFailed(result or "the build told no result; its log says how far it came")
    return Result(PASSED)
