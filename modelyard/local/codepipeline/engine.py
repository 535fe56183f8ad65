"""Takes executions through their pipelines: which of them enters a stage, and what runs in it.

Everything that an execution is waiting for is in its record, so a call of ``advance`` after any change takes all
executions of a pipeline as far as they can go. Only what an action does has a thread. See
https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html.
"""

from __future__ import annotations

import copy
import logging
import math
import threading
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from modelyard.local.codepipeline.action import Abandoned, Action, ActionFailed, Outcome, store_of
from modelyard.local.codepipeline.actions import type_of
from modelyard.local.codepipeline.api import IN_PROGRESS, RUNNING, actions, executions, executions_of, pipelines
from modelyard.local.codepipeline.events import emit_action, emit_pipeline, emit_stage
from modelyard.local.codepipeline.polling import poll
from modelyard.local.pace import real_seconds
from modelyard.local.sagemaker.context import Context, Record, SageMaker

__all__ = ["Engine"]

log = logging.getLogger("modelyard.local.codepipeline")

INTERRUPTED = "interrupted: the local AWS ended while this was in progress"
_TICK_SECONDS = 0.5
_POLL_SECONDS = 60.0
_MOST_MESSAGE = 5000
_EVENT_STATES = {"Cancelled": "CANCELED"}


class Engine:
    """The component ``codepipeline``. Its methods are called with the lock of the service held."""

    def __init__(self, service: SageMaker) -> None:
        self._service = service
        self._closed = threading.Event()
        threading.Thread(target=self._tick, name="codepipeline-clock", daemon=True).start()

    # -- executions -------------------------------------------------------

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
                stage = self._stage(execution)
                execution["_stages"][stage["name"]]["status"] = "Stopping"
                emit_stage(context, execution, stage["name"], "STOPPING")
        execution["status"] = "Stopping"
        execution["stopTrigger"] = {"reason": reason or ""}
        if abandon:
            self._abandon(context, execution)
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
            self._abandon(context, execution)
            self._end(context, execution, "Cancelled", "The pipeline was updated while the execution ran")
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

    # -- the way through the stages ---------------------------------------

    def advance(self, context: Context, name: str) -> None:
        """Take all executions of the pipeline ``name`` as far as they can go now."""
        pipeline = pipelines(context).get(name)
        if pipeline is None:
            return
        moved = True
        while moved:
            running = sorted(
                (e for e in executions_of(context, name) if e["status"] in RUNNING), key=lambda e: int(e["_number"])
            )
            inside = [execution for execution in running if execution["_inside"]]
            moved = sum(self._continue(context, execution) for execution in inside) > 0
            waiting = [e for e in running if not e["_inside"] and e["status"] in RUNNING]
            moved = sum(self._settle_stop(context, execution) for execution in waiting) > 0 or moved
            moved = self._enter(context, pipeline, running) or moved
        context.snapshot()

    def _settle_stop(self, context: Context, execution: Record) -> bool:
        if execution["status"] != "Stopping" or execution["_inside"]:
            return False
        self._end(context, execution, "Stopped", execution["stopTrigger"]["reason"])
        return True

    def _enter(self, context: Context, pipeline: Record, running: list[Record]) -> bool:
        """Let executions into the stages that they wait for; whether one went in or was superseded."""
        lines: dict[str, list[Record]] = {}
        for execution in running:
            if execution["status"] == IN_PROGRESS and not execution["_inside"]:
                lines.setdefault(self._stage(execution)["name"], []).append(execution)
        moved = False
        for stage, line in lines.items():
            if line[-1]["executionMode"] == "SUPERSEDED":
                for older in line[:-1]:
                    newer = line[-1]["pipelineExecutionId"]
                    self._end(context, older, "Superseded", f"Superseded by the execution {newer}")
                    moved = True
                line = line[-1:]
            occupied = any(e["_inside"] and e["status"] in RUNNING and self._stage(e)["name"] == stage for e in running)
            if occupied or not pipeline["_transitions"].get(stage, {"enabled": True})["enabled"]:
                continue
            self._begin_stage(context, pipeline, line[0])
            moved = True
        return moved

    def _begin_stage(self, context: Context, pipeline: Record, execution: Record) -> None:
        stage = self._stage(execution)
        pipeline["_entries"] = pipeline.get("_entries", 0) + 1
        execution["_stages"][stage["name"]] = {
            "status": IN_PROGRESS,
            "actions": {},
            "entry": pipeline["_entries"],
        }
        execution.update(_inside=True, lastUpdateTime=context.now())
        emit_stage(context, execution, stage["name"], "STARTED")

    def _continue(self, context: Context, execution: Record) -> bool:
        """Start what can run in the stage that an execution is in, or end the stage; whether it ended."""
        stage = self._stage(execution)
        state = execution["_stages"][stage["name"]]
        ran = {name: actions(context)[id] for name, id in state["actions"].items()}
        if any(record["status"] == IN_PROGRESS for record in ran.values()):
            return False
        failed = [record for record in ran.values() if record["status"] == "Failed"]
        left = [action for action in stage["actions"] if action["name"] not in ran]
        abandoned = any(record["status"] == "Abandoned" for record in ran.values())
        if execution["status"] == "Stopping" and (left or failed or abandoned):
            self._end_stage(context, execution, "Stopped")
            self._end(context, execution, "Stopped", execution["stopTrigger"]["reason"])
            return True
        if failed:
            message = failed[0]["output"]["executionResult"]["errorDetails"]["message"]
            self._end_stage(context, execution, "Failed")
            self._end(context, execution, "Failed", message)
            return True
        if left:
            order = min(action["runOrder"] for action in left)
            for action in left:
                if action["runOrder"] == order:
                    self._start_action(context, execution, stage, action)
            return False
        self._end_stage(context, execution, "Succeeded")
        if execution["_at"] + 1 == len(execution["_declaration"]["stages"]):
            stopped = execution["status"] == "Stopping"
            self._end(context, execution, "Stopped" if stopped else "Succeeded", "")
        else:
            execution["_at"] += 1
        return True

    def _end_stage(self, context: Context, execution: Record, status: str) -> None:
        stage = self._stage(execution)["name"]
        execution["_stages"][stage]["status"] = status
        execution["_inside"] = False
        emit_stage(context, execution, stage, _EVENT_STATES.get(status, status.upper()))

    def _end(self, context: Context, execution: Record, status: str, summary: str) -> None:
        if execution["_inside"]:
            self._end_stage(context, execution, status)
        execution.update(status=status, lastUpdateTime=context.now(), **({"statusSummary": summary} if summary else {}))
        emit_pipeline(context, execution, _EVENT_STATES.get(status, status.upper()))

    def _abandon(self, context: Context, execution: Record) -> None:
        for record in self._under_way(context, execution):
            record.update(status="Abandoned", lastUpdateTime=context.now())
            emit_action(context, execution, record)

    @staticmethod
    def _under_way(context: Context, execution: Record) -> Iterator[Record]:
        for record in list(actions(context).values()):
            if record["pipelineExecutionId"] == execution["pipelineExecutionId"] and record["status"] == IN_PROGRESS:
                yield record

    @staticmethod
    def _stage(execution: Record) -> Record:
        return dict(execution["_declaration"]["stages"][execution["_at"]])

    # -- actions ----------------------------------------------------------

    def _start_action(self, context: Context, execution: Record, stage: Record, declaration: Record) -> None:
        record = _action_record(context, execution, stage, declaration)
        actions(context)[record["actionExecutionId"]] = record
        execution["_stages"][stage["name"]]["actions"][declaration["name"]] = record["actionExecutionId"]
        emit_action(context, execution, record)
        action = Action(context, execution, declaration, record)
        context.spawn(f"action-{declaration['name']}", self._run, action)

    def _run(self, action: Action) -> None:
        """Run an action to its end; without the lock."""
        type_ = type_of(action.declaration)
        assert type_ is not None
        try:
            action.prepare()
            outcome = type_.run(action)
        except Abandoned:
            return
        except ActionFailed as error:
            self._fail(action, error.code, str(error))
        except (ClientError, BotoCoreError) as error:
            self._fail(action, "JobFailed", str(error))
        except Exception as error:
            log.exception("action %s failed", action.record["actionExecutionId"])
            self._fail(action, "InternalError", f"{type(error).__name__}: {error}")
        else:
            if outcome is not None:
                with self._service.lock:
                    self.succeed(action.context, action.execution, action.record, outcome)

    def _fail(self, action: Action, code: str, message: str) -> None:
        with self._service.lock:
            self.fail(action.context, action.execution, action.record, code, message)

    def succeed(self, context: Context, execution: Record, record: Record, outcome: Outcome) -> None:
        """End an action well; nothing where it was abandoned."""
        if record["status"] != IN_PROGRESS:
            return
        result, revision = record["output"]["executionResult"], outcome.revision
        if outcome.summary:
            result["externalExecutionSummary"] = outcome.summary
        record["output"]["outputVariables"] = dict(outcome.variables)
        namespace = record["input"].get("namespace")
        if namespace:
            execution["_variables"][namespace] = dict(outcome.variables)
        for item in record["output"]["outputArtifacts"]:
            execution["_artifacts"][item["name"]] = {**item["s3location"], "revision": revision}
        if revision is not None:
            result["externalExecutionId"] = revision["revisionId"]
            _keep_revision(execution, record, dict(revision))
        self._finish(context, execution, record, "Succeeded")

    def fail(self, context: Context, execution: Record, record: Record, code: str, message: str) -> None:
        """End an action as failed; nothing where it was abandoned."""
        if record["status"] != IN_PROGRESS:
            return
        message = message[:_MOST_MESSAGE] or "no reason was given"
        record["output"]["executionResult"]["errorDetails"] = {"code": code, "message": message}
        self._finish(context, execution, record, "Failed")

    def _finish(self, context: Context, execution: Record, record: Record, status: str) -> None:
        record.update(status=status, lastUpdateTime=context.now())
        if record["actionExecutionId"] not in actions(context):
            return  # its pipeline was deleted
        emit_action(context, execution, record)
        self.advance(context, execution["pipelineName"])

    # -- time, and the end of the process ---------------------------------

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
                    for record in self._under_way(context, execution):
                        if "_token" not in record:
                            self.fail(context, execution, record, "JobFailed", INTERRUPTED)
                for name in list(pipelines(context)):
                    self.advance(context, name)

    def close(self) -> None:
        """Stop looking after pipelines; what actions started ends with the process."""
        self._closed.set()


def _running(records: Iterable[Record]) -> list[Record]:
    return [record for record in list(records) if record["status"] in RUNNING]


def _keep_revision(execution: Record, record: Record, revision: Record) -> None:
    (output,) = record["output"]["outputArtifacts"]
    source = {name: value for name, value in revision.items() if name != "created"}
    for member, kept, by in (
        ("artifactRevisions", {"name": output["name"], **revision}, "name"),
        ("sourceRevisions", {"actionName": record["actionName"], **source}, "actionName"),
    ):
        # A retry reads a source again.
        execution[member] = [*(item for item in execution[member] if item[by] != kept[by]), kept]


def _action_record(context: Context, execution: Record, stage: Record, declaration: Record) -> Record:
    now, store = context.now(), store_of(execution["_declaration"])
    inputs = []
    for item in declaration["inputArtifacts"]:
        # An earlier stage made it: the pipeline could not have been created otherwise.
        made = execution["_artifacts"][item["name"]]
        inputs.append({"name": item["name"], "s3location": {"bucket": made["bucket"], "key": made["key"]}})
    outputs = [
        {"name": item["name"], "s3location": {"bucket": store["location"], "key": _new_key(execution, item["name"])}}
        for item in declaration["outputArtifacts"]
    ]
    told: dict[str, Any] = {
        "actionTypeId": declaration["actionTypeId"],
        "configuration": declaration["configuration"],
        "region": declaration.get("region") or context.region,
        "inputArtifacts": inputs,
    }
    told.update({name: declaration[name] for name in ("roleArn", "namespace") if declaration.get(name)})
    return {
        "pipelineExecutionId": execution["pipelineExecutionId"],
        "actionExecutionId": str(uuid.uuid4()),
        "pipelineVersion": execution["pipelineVersion"],
        "stageName": stage["name"],
        "actionName": declaration["name"],
        "startTime": now,
        "lastUpdateTime": now,
        "status": IN_PROGRESS,
        "input": told,
        "output": {"outputArtifacts": outputs, "executionResult": {}, "outputVariables": {}},
    }


def _new_key(execution: Record, artifact: str) -> str:
    """Where an artifact goes: with names cut short, as CodePipeline does."""
    return f"{execution['pipelineName'][:20]}/{artifact[:10]}/{uuid.uuid4().hex[:7]}"
