"""The action `Train`: starts the pipelines of a stage whose definition or data changed, and waits for them.

Parameters: `stage` with `name`, `account` and `region`. The first call only fixes the moment that the job began: an
execution that was started for its inputs since then is the job's, and no project gets a second one. So a call may be
repeated, or end anywhere. Besides that moment it is kept which projects need not be looked at before the last call.

Environment: `ACCESS_ROLE`, the name of the role in the stage with `{stage}` in it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from .access import StageAccess
from .evaluation import Version, registered_version
from .inputs import PREFIX, NoAccess, NoData
from .job import MAX_SHOWN, Job, JobFailed, Result, Waiting, perform
from .projects import Project, holdings
from .starting import ENDED_BADLY, RUNNING, Execution, Run, executions

__all__ = ["MAX_RUNNING", "handle"]

MAX_RUNNING = 5
"""How many pipelines of a stage a job lets run at a time: accounts have quotas of training instances."""
# Of the 2,000 characters that CodePipeline keeps.
_MOST_KEPT = 400


@dataclass(frozen=True)
class Finding:
    """How a project stands: a word about it, and what the stage has of it."""

    project: Project
    told: str
    waits: bool = False
    failed: bool = False
    version: Version | None = None

    def __str__(self) -> str:
        return f"{self.project.name}: {self.told}"


def handle(event: Mapping[str, Any], context: Any) -> None:
    """Lambda: one call of the job."""
    perform(event, work)


def work(job: Job) -> Result:
    """Bring the stage's pipelines a step further.

    Raises:
        Waiting: pipelines run, or wait for their turn.
        JobFailed: an execution ended badly; says of which project, and why.
    """
    if "since" not in job.state:
        raise Waiting("looking for pipelines whose definition or data changed", since=datetime.now(UTC).isoformat())
    stage = StageAccess.by_role(job.parameters["stage"], os.environ["ACCESS_ROLE"])
    return train(stage, job.state["since"], job.state.get("settled", ()))


def train(stage: StageAccess, since: str, settled: Collection[int] = ()) -> Result:
    """Start what is to be started, and tell how all of it stands.

    Args:
        stage: whose pipelines.
        since: when the job began, in ISO 8601.
        settled: places, in the order of their names, of the projects that an earlier call found to be done with.

    Raises:
        Waiting: as `work`.
        JobFailed: as `work`.
    """
    asked = datetime.fromisoformat(since)
    projects = [project for project in holdings(stage).projects.values() if project.pipeline]
    found = _look_at(stage, projects, asked, set(settled))
    if settled and not any(finding.waits for finding in found.values()):
        found = _look_at(stage, projects, asked, set())
    findings = list(found.values())
    if any(finding.waits for finding in findings):
        told = "; ".join(str(finding) for finding in findings if finding.waits or finding.failed)
        raise Waiting(told, since=since, settled=_settled(found, settled))
    if any(finding.failed for finding in findings):
        raise JobFailed("; ".join(str(finding) for finding in findings if finding.failed))
    summary = "; ".join(map(str, findings)) or f"stage {stage.name} has no project"
    return Result(summary, {"EVALUATION": _evaluation(findings)})


def _look_at(stage: StageAccess, projects: list[Project], asked: datetime, passed: set[int]) -> dict[int, Finding]:
    """How projects stand, by their places, but for those that are passed over; starts what may be started."""
    found: dict[int, Finding] = {}
    running = 0
    for place, project in enumerate(projects):
        if place in passed:
            continue
        if running < MAX_RUNNING:
            found[place] = _look(stage.client, project, asked)
        else:
            found[place] = Finding(project, "waits for its turn", waits=True)
        running += found[place].waits
    return found


def _settled(found: Mapping[int, Finding], before: Collection[int]) -> list[int]:
    """The places of projects that are done with; a failure may be one of the call, and is looked at again."""
    open_ = {place for place, finding in found.items() if finding.waits or finding.failed}
    return sorted({*before, *found} - open_)[:_MOST_KEPT]


def _look(client: Callable[[str], Any], project: Project, asked: datetime) -> Finding:
    try:
        own = _own(client("sagemaker"), project.pipeline, asked)
        run = None if own else Run.of(client, project.pipeline)
        execution = run.settled(asked) if run else own
        if execution is None and run:
            run.start()
        if execution is None:
            return Finding(project, "execution started", waits=True)
        return _finding(client, project, execution, new=bool(own))
    except NoData as error:
        return Finding(project, f"not started, {error}")
    except (ClientError, NoAccess) as error:
        return Finding(project, str(error), failed=True)


def _own(sagemaker: Any, pipeline: str, asked: datetime) -> Execution | None:
    since = executions(sagemaker, pipeline, SortOrder="Ascending", CreatedAfter=asked)
    return next((item for item in since if item.name.startswith(PREFIX)), None)


def _finding(client: Callable[[str], Any], project: Project, execution: Execution, *, new: bool) -> Finding:
    if execution.status in RUNNING:
        return Finding(project, f"execution {execution.id} is {execution.status}", waits=True)
    steps = list(_steps(client("sagemaker"), execution))
    if execution.status in ENDED_BADLY:
        why = "; ".join(_failures(steps)) or execution.reason
        told = f"execution {execution.id} {execution.status}{f': {why}' if why else ''}"
        return Finding(project, told, failed=True)
    registered = next(filter(None, map(_package, steps)), "")
    version = registered_version(client, project.group, registered)
    if not new:
        return Finding(project, "unchanged", version=version)
    if not registered or version is None:
        return Finding(project, f"execution {execution.id} registered no version", version=version)
    return Finding(project, f"version {version.number} registered{version.measures(', ')}", version=version)


def _steps(sagemaker: Any, execution: Execution) -> Iterator[dict[str, Any]]:
    paginator = sagemaker.get_paginator("list_pipeline_execution_steps")
    for page in paginator.paginate(PipelineExecutionArn=execution.arn, SortOrder="Ascending"):
        yield from page["PipelineExecutionSteps"]


def _package(step: dict[str, Any]) -> str:
    return str(step.get("Metadata", {}).get("RegisterModel", {}).get("Arn", ""))


def _failures(steps: list[dict[str, Any]]) -> Iterator[str]:
    for step in steps:
        if step["StepStatus"] == "Failed":
            said = step.get("Metadata", {}).get("Fail", {}).get("ErrorMessage")
            yield f"step {step['StepName']}: {said or step.get('FailureReason', 'gives no reason')}"


def _evaluation(findings: list[Finding]) -> str:
    """What was measured of each project's version, and where that stands, if there is room for it."""
    texts = [_measured(item) for item in findings]
    linked = [
        f"{text} ({item.version.statistics})" if item.version and item.version.statistics else text
        for text, item in zip(texts, findings, strict=True)
    ]
    if len(text := _joined(linked, len(linked))) <= MAX_SHOWN:
        return text
    kept = len(texts)
    while len(text := _joined(texts, kept)) > MAX_SHOWN:
        kept -= 1
    return text


def _measured(finding: Finding) -> str:
    name, version = finding.project.name, finding.version
    return f"{name} version {version.number}{version.measures(': ')}" if version else f"{name}: no version"


def _joined(texts: list[str], kept: int) -> str:
    more = [f"and {len(texts) - kept} more"] if kept < len(texts) else []
    return "; ".join([*texts[:kept], *more]) or "no project"
