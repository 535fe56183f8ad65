"""Runs actions on threads, and keeps how each of them went."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from modelyard.local.codepipeline.action import Abandoned, Action, ActionFailed, Outcome, store_of
from modelyard.local.codepipeline.actions import type_of
from modelyard.local.codepipeline.api import IN_PROGRESS, actions
from modelyard.local.codepipeline.events import emit_action
from modelyard.local.sagemaker.context import Context, Record, SageMaker

__all__ = ["Runs"]

log = logging.getLogger("modelyard.local.codepipeline")

_MOST_MESSAGE = 5000


class Runs:
    """The runs of actions; ``ended(context, pipeline)`` is called after each, with the lock of the service held."""

    def __init__(self, service: SageMaker, ended: Callable[[Context, str], None]) -> None:
        self._service = service
        self._ended = ended

    def start(self, context: Context, execution: Record, stage: Record, declaration: Record) -> None:
        """Run an action of a stage in the background."""
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
        self._ended(context, execution["pipelineName"])

    def abandon(self, context: Context, execution: Record) -> None:
        """Wait no longer for what runs of an execution."""
        for record in self.under_way(context, execution):
            record.update(status="Abandoned", lastUpdateTime=context.now())
            emit_action(context, execution, record)

    @staticmethod
    def under_way(context: Context, execution: Record) -> Iterator[Record]:
        """What runs of an execution."""
        for record in list(actions(context).values()):
            if record["pipelineExecutionId"] == execution["pipelineExecutionId"] and record["status"] == IN_PROGRESS:
                yield record


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
    now, store = context.now(), store_of(execution["_declaration"], context.region)
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
