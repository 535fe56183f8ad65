"""promote: registers what serves in one stage in the next one, for every project that both have.

An action of CodePipeline, with UserParameters `{"source": {"name", "account", "region"}, "target": {the same}}`. The
environment names the roles, with `{stage}` for the stage's name: SOURCE_ROLE and TARGET_ROLE.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from .access import StageAccess
from .copying import OutOfTime
from .job import Job, JobFailed, Result, Waiting, perform
from .projects import Project, holdings
from .promotion import NotApproved, promote
from .versions import APPROVED, BROKEN, MOVING, endpoint_of, newest, number

__all__ = ["handle", "promote_all", "serving_version"]
_TIME_FOR_A_PART = 90_000  # milliseconds


def handle(event: dict[str, Any], context: Any) -> None:
    """The function's handler."""

    def work(job: Job) -> Result:
        source = StageAccess.by_role(job.parameters["source"], os.environ["SOURCE_ROLE"])
        target = StageAccess.by_role(job.parameters["target"], os.environ["TARGET_ROLE"])
        return promote_all(source, target, lambda: context.get_remaining_time_in_millis() > _TIME_FOR_A_PART)

    perform(event, work)


def promote_all(source: StageAccess, target: StageAccess, enough_time: Callable[[], bool]) -> Result:
    """Promote what serves in `source` to `target`, project by project.

    Raises:
        JobFailed: of one or more projects; all others were promoted.
        Waiting: there was not enough time for all, or it is not settled yet what serves; called again, it goes on.
    """
    here, there = holdings(source).projects, holdings(target)
    if not there.artifacts_bucket:
        raise JobFailed(f"stage {target.name} has no bucket for artefacts: deploy its Foundation stack first")
    told: list[str] = []
    failed: list[str] = []
    waiting: list[str] = []
    for name, project in here.items():
        if name not in there.projects:
            told.append(f"{name}: not in {target.name}")
            continue
        group = there.projects[name].group
        try:
            version = serving_version(source, project)
            if not version:
                told.append(f"{name}: nothing serves in {source.name}")
                continue
            done = promote(source, target, version, group, there.artifacts_bucket, enough_time)
        except OutOfTime:
            raise Waiting(f"copying version {number(version)} of {name} to {target.name}") from None
        except Waiting as error:
            waiting.append(error.summary)
            continue
        except NotApproved as error:
            told.append(f"{name}: not promoted, {error}")
            continue
        except (JobFailed, ClientError) as error:
            failed.append(f"{name}: {error}")
            continue
        state = "awaits approval" if done.created else f"was there already, {done.approval}"
        told.append(f"{name}: version {number(version)} is {number(done.arn)} in {target.name}, {state}")
    if failed:
        raise JobFailed("; ".join([*failed, *told]))
    if waiting:
        raise Waiting("; ".join([*waiting, *told]))
    return Result("; ".join(told) or f"{source.name} has no project")


def serving_version(stage: StageAccess, project: Project) -> str:
    """ARN of the version that the project's endpoint serves; of the newest approved one where it has no endpoint.

    Raises:
        Waiting: the endpoint is on its way to another version.
    """
    sagemaker = stage.client("sagemaker")
    if not project.endpoint:
        found = newest(sagemaker, project.group, APPROVED)
        return str(found["ModelPackageArn"]) if found else ""
    endpoint = endpoint_of(sagemaker, project.endpoint)
    if endpoint is None or endpoint.status in BROKEN:
        return ""
    if endpoint.status in MOVING:
        raise Waiting(
            f"endpoint {project.endpoint} is {endpoint.status}: what serves in {stage.name} is about to change"
        )
    return endpoint.version
