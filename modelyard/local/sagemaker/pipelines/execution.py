"""One execution of a pipeline: which step may run, what each ended with, and when all is over."""

from __future__ import annotations

import logging
import queue
import threading
from typing import Any

from modelyard.local.sagemaker.context import Context, Record
from modelyard.local.sagemaker.errors import SageMakerError
from modelyard.local.sagemaker.jobs.storage import Storage, StorageError
from modelyard.local.sagemaker.pipelines import caching, retries
from modelyard.local.sagemaker.pipelines.conditions import holds
from modelyard.local.sagemaker.pipelines.definition import Definition, Step
from modelyard.local.sagemaker.pipelines.functions import EvaluationError, Scope, as_text, evaluate
from modelyard.local.sagemaker.pipelines.records import (
    execution_id,
    set_execution_status,
    set_step_status,
)
from modelyard.local.sagemaker.pipelines.scopes import add_result, scope_of
from modelyard.local.sagemaker.pipelines.steps import ACTIONS, Result, StepFailed, StepStopped, job_name
from modelyard.local.sagemaker.protocol import call

__all__ = ["Execution"]

log = logging.getLogger("modelyard.local.sagemaker.pipelines")

STEPS_FAILED = "Step failure: One or multiple steps failed."
_STOPS = {"ProcessingJob": "StopProcessingJob", "TrainingJob": "StopTrainingJob"}


class Execution:
    """Runs the execution ``record`` of ``definition`` on threads of its own.

    A step that failed holds back only the steps that come after it, a Fail step ends all that runs; a step in a branch
    that was not taken, and what reads it, does not run at all.
    """

    def __init__(self, context: Context, record: Record, definition: Definition) -> None:
        self.record = record
        self.finished = threading.Event()
        self._context = context
        self._steps = definition.steps
        self._scope = scope_of(context, record, Storage(context.client("s3")))
        self._ended: queue.Queue[str | None] = queue.Queue()
        self._states: dict[str, str] = {}
        self._refusals: list[str] = []
        self._stopping = threading.Event()
        self._closed = False

    def start(self) -> None:
        """Begin; steps that have succeeded in an earlier attempt are not run again."""
        for name, step in list(self.record["_Steps"].items()):
            self._states[name] = step["StepStatus"]
            add_result(self._scope, self._steps[name], step["_Properties"])
        self._context.spawn(f"execution-{execution_id(self.record)}", self._run)

    def stop(self) -> None:
        """Start no step any more and stop those that run; the lock is held."""
        self._stopping.set()
        for step in self.record["_Steps"].values():
            if step["StepStatus"] == "Executing":
                set_step_status(self._context, self.record, step, "Stopping")
                self._context.spawn(f"stop-{step['StepName']}", self._stop_job, step)
        self._ended.put(None)

    def close(self) -> None:
        """Start no step any more, and leave the record as it is."""
        self._closed = True
        self._stopping.set()
        self._ended.put(None)

    def _stop_job(self, step: Record) -> None:
        for kind, made in step.get("Metadata", {}).items():
            if kind in _STOPS:
                label = kind.removesuffix("Job")
                try:
                    call(self._context, _STOPS[kind], {f"{label}JobName": made["Arn"].rpartition("/")[2]})
                except SageMakerError:
                    log.info("%s has ended before it was stopped", made["Arn"])

    def _run(self) -> None:
        try:
            while not self._closed:
                self._start_ready()
                if not self._running():
                    break
                self._ended.get()
            if not self._closed:
                self._finish()
        except Exception as error:
            log.exception("execution %s failed", execution_id(self.record))
            with self._context.service.lock:
                set_execution_status(
                    self._context, self.record, "Failed", f"InternalServerError: {type(error).__name__}: {error}"
                )
        self.finished.set()

    def _running(self) -> list[str]:
        return [name for name, state in list(self._states.items()) if state == "Running"]

    def _start_ready(self) -> None:
        progressed = True
        while progressed and not self._stopping.is_set():
            progressed = False
            for step in self._steps.values():
                if step.name in self._states or not self._ready(step):
                    continue
                if step.type not in ("Condition", "Fail") and len(self._running()) >= self._limit():
                    continue
                self._begin(step)
                progressed = True

    def _limit(self) -> int:
        parallelism = self.record.get("ParallelismConfiguration") or {}
        return int(parallelism.get("MaxParallelExecutionSteps", len(self._steps)))

    def _ready(self, step: Step) -> bool:
        """Whether ``step`` may run now. One that cannot run any more is put aside."""
        states = [self._states.get(name) for name in step.after]
        if any(state in ("Failed", "Skipped", "Stopped") for state in states):
            self._states[step.name] = "Skipped"
            return False
        if any(state != "Succeeded" for state in states):
            return False
        if step.branch is not None and self._scope.properties[step.branch[0]]["Outcome"] != step.branch[1]:
            self._states[step.name] = "Skipped"
            return False
        return True

    def _begin(self, step: Step) -> None:
        self._states[step.name] = "Running"
        with self._context.service.lock:
            record = {
                "StepName": step.name,
                "StepDisplayName": step.declared.get("DisplayName"),
                "StepDescription": step.declared.get("Description"),
                "StartTime": self._context.now(),
                "AttemptCount": 1,
                "_Type": step.type,
            }
            self.record["_Steps"][step.name] = record
            set_step_status(self._context, self.record, record, "Executing")
        if step.type in ("Condition", "Fail"):
            self._carry_out(step, record)
        else:
            self._context.spawn(f"step-{step.name}", self._carry_out, step, record)

    def _carry_out(self, step: Step, record: Record) -> None:
        reason: str | None = None
        try:
            result = _TYPES.get(step.type, Execution._act)(self, step, record)
            add_result(self._scope, step, result.properties)
            with self._context.service.lock:
                record.update(Metadata=result.metadata, _Properties=result.properties)
            state = "Succeeded"
        except StepStopped:
            state = "Stopped"
        except StepFailed as error:
            state, reason = "Failed", str(error)
        except (EvaluationError, StorageError) as error:
            state, reason = "Failed", f"ClientError: {error}"
        except Exception as error:
            log.exception("step %s failed", step.name)
            state, reason = "Failed", f"InternalServerError: {type(error).__name__}: {error}"
        if self._closed:
            return
        with self._context.service.lock:
            set_step_status(self._context, self.record, record, state, reason)
            if step.type == "Fail":
                self.stop()
        self._states[step.name] = state
        self._ended.put(step.name)

    def _act(self, step: Step, record: Record) -> Result:
        name = job_name(execution_id(self.record), step, step.arguments)
        arguments = evaluate(step.arguments, self._scope_for(step, name))
        key = caching.cache_key(step, arguments)
        with self._context.service.lock:
            earlier = caching.cached(self._context, self.record["PipelineArn"], step, key)
            record["_CacheKey"] = key
            if earlier is not None:
                record["CacheHitResult"] = {"SourcePipelineExecutionArn": earlier["_Execution"]}
                return Result(earlier["Metadata"], earlier["_Properties"])
            record["_Execution"] = self.record["PipelineExecutionArn"]
        return self._attempt(step, record, arguments, name)

    def _attempt(self, step: Step, record: Record, arguments: dict[str, Any], name: str) -> Result:
        waits: Any = None
        while True:
            try:
                return ACTIONS[step.type](
                    self._context, step, arguments, name, lambda metadata: self._started(record, metadata)
                )
            except StepFailed as error:
                # One count of attempts for a step, under the policy of its first fault.
                waits = waits or retries.waits(step.declared.get("RetryPolicies", ()), error.fault)
                wait = next(waits, None)
                if wait is None or error.fault is None:
                    raise
                if self._stopping.wait(wait):
                    raise StepStopped from None
                with self._context.service.lock:
                    record["AttemptCount"] += 1
                name = job_name(execution_id(self.record), step, arguments)

    def _started(self, record: Record, metadata: dict[str, Any]) -> None:
        with self._context.service.lock:
            record["Metadata"] = metadata
            stopping = self._stopping.is_set() and not self._closed
        if stopping:
            self._stop_job(record)

    def _scope_for(self, step: Step, name: str) -> Scope:
        own = {f"{step.type}JobName": name} if step.type in ("Processing", "Training") else {}
        return Scope(
            self._scope.parameters,
            {**self._scope.execution, **own},
            self._scope.read,
            self._scope.properties,
            self._scope.property_files,
        )

    def _decide(self, step: Step, record: Record) -> Result:
        outcome = all(holds(condition, self._scope) for condition in step.arguments["Conditions"])
        return Result({"Condition": {"Outcome": "True" if outcome else "False"}}, {"Outcome": outcome})

    def _refuse(self, step: Step, record: Record) -> Result:
        message = as_text(evaluate(step.arguments["ErrorMessage"], self._scope))
        with self._context.service.lock:
            record["Metadata"] = {"Fail": {"ErrorMessage": message}}
        self._refusals.append(message)
        raise StepFailed(message)

    def _finish(self) -> None:
        states = set(self._states.values())
        with self._context.service.lock:
            if self._refusals or ("Failed" in states and not self._stopping.is_set()):
                reason = " ".join([STEPS_FAILED, *self._refusals])
                set_execution_status(self._context, self.record, "Failed", reason)
            else:
                stopped = self._stopping.is_set() or "Stopped" in states
                set_execution_status(self._context, self.record, "Stopped" if stopped else "Succeeded")
        self._context.snapshot()


_TYPES: dict[str, Any] = {"Condition": Execution._decide, "Fail": Execution._refuse}
