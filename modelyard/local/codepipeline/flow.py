"""The way of executions through the stages of their pipeline.

Everything that an execution is waiting for is in its record, so a call of ``advance`` after any change takes all
executions of a pipeline as far as they can go. See
https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html.
"""

from __future__ import annotations

from modelyard.local.codepipeline.api import IN_PROGRESS, RUNNING, actions, executions_of, pipelines
from modelyard.local.codepipeline.events import emit_pipeline, emit_stage
from modelyard.local.codepipeline.runs import Runs
from modelyard.local.sagemaker.context import Context, Record, SageMaker

__all__ = ["Flow", "stage_of"]

_EVENT_STATES = {"Cancelled": "CANCELED"}


class Flow:
    """Which execution enters a stage, and what runs in it; called with the lock of the service held."""

    def __init__(self, service: SageMaker) -> None:
        self.runs = Runs(service, self.advance)

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
        self.end(context, execution, "Stopped", execution["stopTrigger"]["reason"])
        return True

    def _enter(self, context: Context, pipeline: Record, running: list[Record]) -> bool:
        """Let executions into the stages that they wait for; whether one went in or was superseded."""
        lines: dict[str, list[Record]] = {}
        for execution in running:
            if execution["status"] == IN_PROGRESS and not execution["_inside"]:
                lines.setdefault(stage_of(execution)["name"], []).append(execution)
        moved = False
        for stage, line in lines.items():
            if line[-1]["executionMode"] == "SUPERSEDED":
                for older in line[:-1]:
                    newer = line[-1]["pipelineExecutionId"]
                    self.end(context, older, "Superseded", f"Superseded by the execution {newer}")
                    moved = True
                line = line[-1:]
            occupied = any(e["_inside"] and e["status"] in RUNNING and stage_of(e)["name"] == stage for e in running)
            if occupied or not pipeline["_transitions"].get(stage, {"enabled": True})["enabled"]:
                continue
            self._begin_stage(context, pipeline, line[0])
            moved = True
        return moved

    def _begin_stage(self, context: Context, pipeline: Record, execution: Record) -> None:
        stage = stage_of(execution)
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
        stage = stage_of(execution)
        state = execution["_stages"][stage["name"]]
        ran = {name: actions(context)[id] for name, id in state["actions"].items()}
        if any(record["status"] == IN_PROGRESS for record in ran.values()):
            return False
        failed = [record for record in ran.values() if record["status"] == "Failed"]
        left = [action for action in stage["actions"] if action["name"] not in ran]
        abandoned = any(record["status"] == "Abandoned" for record in ran.values())
        if execution["status"] == "Stopping" and (left or failed or abandoned):
            self._end_stage(context, execution, "Stopped")
            self.end(context, execution, "Stopped", execution["stopTrigger"]["reason"])
            return True
        if failed:
            message = failed[0]["output"]["executionResult"]["errorDetails"]["message"]
            self._end_stage(context, execution, "Failed")
            self.end(context, execution, "Failed", message)
            return True
        if left:
            order = min(action["runOrder"] for action in left)
            for action in left:
                if action["runOrder"] == order:
                    self.runs.start(context, execution, stage, action)
            return False
        self._end_stage(context, execution, "Succeeded")
        if execution["_at"] + 1 == len(execution["_declaration"]["stages"]):
            stopped = execution["status"] == "Stopping"
            self.end(context, execution, "Stopped" if stopped else "Succeeded", "")
        else:
            execution["_at"] += 1
        return True

    def _end_stage(self, context: Context, execution: Record, status: str) -> None:
        stage = stage_of(execution)["name"]
        execution["_stages"][stage]["status"] = status
        execution["_inside"] = False
        emit_stage(context, execution, stage, _EVENT_STATES.get(status, status.upper()))

    def end(self, context: Context, execution: Record, status: str, summary: str) -> None:
        """End an execution, and the stage that it is in."""
        if execution["_inside"]:
            self._end_stage(context, execution, status)
        execution.update(status=status, lastUpdateTime=context.now(), **({"statusSummary": summary} if summary else {}))
        emit_pipeline(context, execution, _EVENT_STATES.get(status, status.upper()))


def stage_of(execution: Record) -> Record:
    """The stage that an execution is in, or waits for."""
    return dict(execution["_declaration"]["stages"][execution["_at"]])
