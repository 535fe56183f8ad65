"""The component of CodePipeline: executions are started, stopped and retried by it, and time passes in it.

Only what an action does has a thread, so approvals and executions between stages survive the process.
"""

from __future__ import annotations

import copy
import logging
import math
import threading
import uuid
from collections.abc import Iterable

from modelyard.local.codepipeline.action import Outcome
from modelyard.local.codepipeline.api import IN_PROGRESS, RUNNING, actions, executions, executions_of, pipelines
from modelyard.local.codepipeline.events import emit_pipeline, emit_stage
from modelyard.local.codepipeline.flow import Flow, stage_of
from modelyard.local.codepipeline.polling import poll
from modelyard.local.pace import real_seconds
from modelyard.local.sagemaker.context import Context, Record, SageMaker

__all__ = ["Engine"]

log = logging.getLogger("modelyard.local.codepipeline")

INTERRUPTED = "interrupted: the local AWS ended while this was in progress"
_TICK_SECONDS = 0.5
_POLL_SECONDS = 60.0


class Engine:
    """The component ``codepipeline``. Its methods are called with the lock of the service held."""

    def __init__(self, service: SageMaker) -> None:
        self._service = service
        self._flow = Flow(service)
        self._closed = threading.Event()
        threading.Thread(target=self._tick, name="codepipeline-clock", daemon=True).start()

    def start(
        self,
        context: Context,
        pipeline: Record,
        trigger: Record,
        variables: dict[str, str] | None = None,
        revisions: dict[str, str] | None = None,
        token: str | None = None,
    ) -> Record:
        """Begin an execution; ``revisions`` are versions of sources by action."""
        declaration = copy.deepcopy(pipeline["_declaration"])
        now, id = context.now(), str(uuid.uuid4())
        defaults = {item["name"]: item.get("defaultValue", "") for item in declaration.get("variables", [])}
        resolved = {**defaults, **(variables or {})}
        pipeline["_started"] = pipeline.get("_started", 0) + 1
        execution: Record = {
            "pipelineExecutionId": id,
            "pipelineName": declaration["name"],
            "pipelineVersion": declaration["version"],
            "status": IN_PROGRESS,
            "startTime": now,
            "lastUpdateTime": now,
            "trigger": trigger,
            "executionMode": declaration["executionMode"],
            "executionType": "STANDARD",
            "variables": [{"name": name, "resolvedValue": value} for name, value in resolved.items()],
            "artifactRevisions": [],
            "sourceRevisions": [],
            "_number": pipeline["_started"],
            "_attempt": 1,
            "_declaration": declaration,
            "_variables": {"codepipeline": {"PipelineExecutionId": id}, "variables": resolved},
            "_revisions": revisions or {},
            "_artifacts": {},
            "_stages": {},
            "_at": 0,
            "_inside": False,
            "_token": token,
        }
        executions(context)[id] = execution
        emit_pipeline(context, execution, "STARTED")
        self.advance(context, declaration["name"])
        return execution

    def stop(self, context: Context, execution: Record, abandon: bool, reason: str | None) -> None:
        """Stop an execution after the actions that run, or without them."""
        if execution["status"] == IN_PROGRESS:
            emit_pipeline(context, execution, "STOPPING")
            if execution["_inside"]:
                stage = stage_of(execution)
                execution["_stages"][stage["name"]]["status"] = "Stopping"
                emit_stage(context, execution, stage["name"], "STOPPING")
        execution["status"] = "Stopping"
        execution["stopTrigger"] = {"reason": reason or ""}
        if abandon:
            self._flow.runs.abandon(context, execution)
        self.advance(context, execution["pipelineName"])

    def restart(self, context: Context, pipeline: Record) -> None:
        """Cancel what runs of a pipeline that was changed, and run its new version on the same sources.

        See ``RestartExecutionOnUpdate`` in
        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-codepipeline-pipeline.html.
        """
        running = [e for e in executions_of(context, pipeline["_declaration"]["name"]) if e["status"] in RUNNING]
        revisions: dict[str, str] = {}
        variables: dict[str, str] = {}
        for execution in running:
            revisions = {item["actionName"]: item["revisionId"] for item in execution["sourceRevisions"]}
            variables = execution["_variables"]["variables"]
            self._flow.runs.abandon(context, execution)
            self._flow.end(context, execution, "Cancelled", "The pipeline was updated while the execution ran")
        sources = {action["name"] for action in pipeline["_declaration"]["stages"][0]["actions"]}
        declared = {item["name"] for item in pipeline["_declaration"].get("variables", [])}
        self.start(
            context,
            pipeline,
            {"triggerType": "StartPipelineExecution", "triggerDetail": "RestartExecutionOnUpdate"},
            variables={name: value for name, value in variables.items() if name in declared},
            revisions={name: version for name, version in revisions.items() if name in sources},
        )

    def retry(self, context: Context, execution: Record, stage: Record, every_action: bool) -> None:
        """Run a failed stage again."""
        state = execution["_stages"][stage["name"]]
        done = {} if every_action else state["actions"]
        state["actions"] = {name: id for name, id in done.items() if actions(context)[id]["status"] == "Succeeded"}
        state["status"] = IN_PROGRESS
        execution["_attempt"] += 1
        for member in ("statusSummary", "stopTrigger"):
            execution.pop(member, None)
        execution.update(status=IN_PROGRESS, _inside=True, lastUpdateTime=context.now())
        emit_pipeline(context, execution, "RESUMED")
        emit_stage(context, execution, stage["name"], "RESUMED")
        self.advance(context, execution["pipelineName"])

    def advance(self, context: Context, name: str) -> None:
        """Take all executions of the pipeline ``name`` as far as they can go now."""
        self._flow.advance(context, name)

    def succeed(self, context: Context, execution: Record, record: Record, outcome: Outcome) -> None:
        """End an action well; nothing where it was abandoned."""
        self._flow.runs.succeed(context, execution, record, outcome)

    def fail(self, context: Context, execution: Record, record: Record, code: str, message: str) -> None:
        """End an action as failed; nothing where it was abandoned."""
        self._flow.runs.fail(context, execution, record, code, message)

    def _tick(self) -> None:
        elapsed = 0.0
        while not self._closed.wait(_TICK_SECONDS):
            elapsed += _TICK_SECONDS
            try:
                self._expire_approvals()
                if elapsed >= real_seconds(_POLL_SECONDS):
                    elapsed = 0.0
                    poll(self._service, self)
            except Exception:
                log.exception("pipelines were not looked after")

    def _expire_approvals(self) -> None:
        with self._service.lock:
            for context in self._service.contexts():
                for record in list(actions(context).values()):
                    if record["status"] == IN_PROGRESS and record.get("_expires", math.inf) < context.now():
                        execution = executions(context)[record["pipelineExecutionId"]]
                        message = "The approval action timed out: nobody approved or rejected it in time"
                        self.fail(context, execution, record, "JobFailed", message)

    def restored(self) -> None:
        """Fail what ran when the local AWS ended; approvals and executions between stages go on waiting."""
        with self._service.lock:
            for context in self._service.contexts():
                for execution in _running(executions(context).values()):
                    for record in self._flow.runs.under_way(context, execution):
                        if "_token" not in record:
                            self.fail(context, execution, record, "JobFailed", INTERRUPTED)
                for name in list(pipelines(context)):
                    self.advance(context, name)

    def close(self) -> None:
        """Stop looking after pipelines; what actions started ends with the process."""
        self._closed.set()


def _running(records: Iterable[Record]) -> list[Record]:
    return [record for record in list(records) if record["status"] in RUNNING]
