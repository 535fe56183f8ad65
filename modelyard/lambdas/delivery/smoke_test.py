"""smoke_test: waits until the reviewed versions of a stage serve, and compares their answers with recorded ones.

An action of CodePipeline, with UserParameters `{"stage": {"name", "account", "region"}}`. The environment names the
stage's role, with `{stage}` for the stage's name: ACCESS_ROLE. The variable TESTED says what was found, for a gate.
"""

from __future__ import annotations

import os
from typing import Any

from botocore.exceptions import ClientError

from .access import StageAccess
from .job import MAX_SHOWN, Job, JobFailed, Result, Waiting, cut, perform
from .projects import holdings
from .smoke import smoke_test

__all__ = ["check_all", "handle"]


def handle(event: dict[str, Any], context: Any) -> None:
    """The function's handler."""

    def work(job: Job) -> Result:
        return check_all(StageAccess.by_role(job.parameters["stage"], os.environ["ACCESS_ROLE"]))

    perform(event, work)


def check_all(stage: StageAccess) -> Result:
    """Test every project of the stage.

    Raises:
        JobFailed: one of them or more failed.
        Waiting: none failed yet, and one or more cannot be tested yet.
    """
    passed, failed, waiting = [], [], []
    for project in holdings(stage).projects.values():
        try:
            passed.append(smoke_test(stage, project))
        except JobFailed as error:
            failed.append(str(error))
        except Waiting as error:
            waiting.append(error.summary)
        except ClientError as error:
            failed.append(f"{project.name}: {error}")
    if failed:
        raise JobFailed("; ".join(failed))
    if waiting:
        raise Waiting("; ".join(waiting))
    summary = "; ".join(passed) or f"{stage.name} has no project"
    return Result(summary, {"TESTED": cut(summary, MAX_SHOWN)})
