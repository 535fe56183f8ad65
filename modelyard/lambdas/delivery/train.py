"""The action `Train`: starts the pipelines of a stage whose definition or data changed, and waits for them.

Parameters: `stage` with `name`, `account` and `region`. The first call only fixes the moment that the job began: an
execution that was started for its inputs since then is the job's, and no project gets a second one. So a call may be
repeated, or end anywhere, and nothing is kept but that moment.

Environment: `ACCESS_ROLE`, the name of the role in the stage with `{stage}` in it, and `PARAMETERS_PATH`, where the
stage says which projects it has, such as `/modelyard/{stage}/`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from .access import StageAccess
from .evaluation import Version, version_of
from .inputs import PREFIX, NoAccess, NoData
from .job import MAX_SHOWN, Job, JobFailed, Result, Waiting, perform
from .starting import ENDED_BADLY, RUNNING, Execution, Run, executions

__all__ = ["MAX_RUNNING", "handle"]

MAX_RUNNING = 5
"""How many pipelines of a stage a job lets run at a time: accounts have quotas of training instances."""


@dataclass(frozen=True)
class Project:
    """A project of the stage: its pipeline and the group that its versions are registered in."""

    name: str
    pipeline: str
    group: str


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
    return train(
        StageAccess.by_role(job.parameters["stage"], os.environ["ACCESS_ROLE"]),
        os.environ["PARAMETERS_PATH"],
        job.state["since"],
    )


def train(stage: StageAccess, path: str, since: str) -> Result:
    """Start what is to be started, and tell how all of it stands.

    Args:
        stage: whose pipelines.
        path: of the stage's parameters, with `{stage}` in it.
        since: when the job began, in ISO 8601.

    Raises:
        Waiting: as `work`.
        JobFailed: as `work`.
    """
    asked = datetime.fromisoformat(since)
    findings: list[Finding] = []
    running = 0
    for project in _projects(stage, path.format(stage=stage.name)):
        finding = _look(stage.client, project, asked, may_start=running < MAX_RUNNING)
        findings.append(finding)
        running += finding.waits
    if running:
        raise Waiting("; ".join(map(str, [item for item in findings if item.waits or item.failed])), since=since)
    if any(finding.failed for finding in findings):
        raise JobFailed("; ".join(str(finding) for finding in findings if finding.failed))
    summary = "; ".join(map(str, findings)) or f"stage {stage.name} has no project"
    return Result(summary, {"EVALUATION": _evaluation(findings)})


def _look(client: Callable[[str], Any], project: Project, asked: datetime, *, may_start: bool) -> Finding:
    try:
        own = _own(client("sagemaker"), project.pipeline, asked)
        run = None if own else Run.of(client, project.pipeline)
        execution = run.settled(asked) if run else own
        if execution is None and run and may_start:
            run.start()
        if execution is None:
            return Finding(project, "execution started" if may_start else "waits for its turn", waits=True)
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
    version = version_of(client, project.group, registered)
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


def _projects(stage: StageAccess, path: str) -> list[Project]:
    pages = stage.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True)
    found: dict[str, dict[str, str]] = {}
    for page in pages:
        for item in page["Parameters"]:
            project, _, key = item["Name"].removeprefix(path).partition("/")
            found.setdefault(project, {})[key] = item["Value"]
    return [
        Project(name, keys["pipeline"], keys.get("model-package-group", ""))
        for name, keys in sorted(found.items())
        if "pipeline" in keys
    ]


def _evaluation(findings: list[Finding]) -> str:
    texts = [
        f"{item.project.name} version {item.version.number}{item.version.measures(': ')}"
        if item.version
        else f"{item.project.name}: no version"
        for item in findings
    ]
    kept = len(texts)
    while len(text := _joined(texts, kept)) > MAX_SHOWN:
        kept -= 1
    return text


def _joined(texts: list[str], kept: int) -> str:
    more = [f"and {len(texts) - kept} more"] if kept < len(texts) else []
    return "; ".join([*texts[:kept], *more]) or "no project"
