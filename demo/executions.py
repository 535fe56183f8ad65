"""Executions of the delivery pipeline, followed action by action."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rich.markup import escape

from demo.endpoint import DemoFailed
from demo.screen import Screen

__all__ = ["Action", "Follower"]

LOOK_EVERY = 0.5
PATIENCE_SECONDS = 1800.0
_ENDED = ("Succeeded", "Failed", "Stopped", "Superseded", "Cancelled")


@dataclass(frozen=True)
class Action:
    """An action of an execution as it stands; a retried one is another one."""

    id: str
    stage: str
    name: str
    status: str
    text: str
    variables: Mapping[str, str]


class Follower:
    """Follows the executions of `pipeline` and shows each change of an action."""

    def __init__(self, screen: Screen, codepipeline: Any, pipeline: str) -> None:
        self._screen = screen
        self._codepipeline = codepipeline
        self._pipeline = pipeline
        self._seen: dict[str, tuple[str, str]] = {}

    def executions(self) -> list[dict[str, Any]]:
        """The executions, the newest first."""
        found: list[dict[str, Any]] = self._codepipeline.list_pipeline_executions(pipelineName=self._pipeline)[
            "pipelineExecutionSummaries"
        ]
        return found

    def status(self, execution: str) -> tuple[str, str]:
        """An execution's status, and what is said of it."""
        found = self._codepipeline.get_pipeline_execution(pipelineName=self._pipeline, pipelineExecutionId=execution)[
            "pipelineExecution"
        ]
        return found["status"], found.get("statusSummary", "")

    def actions(self, execution: str) -> list[Action]:
        """The actions of an execution that have begun, in their order."""
        pages = self._codepipeline.get_paginator("list_action_executions").paginate(
            pipelineName=self._pipeline, filter={"pipelineExecutionId": execution}
        )
        found = [detail for page in pages for detail in page["actionExecutionDetails"]]
        return [_action(detail) for detail in reversed(found)]

    def token(self, stage: str, action: str) -> str:
        """The token of a manual approval that waits."""
        state = self._codepipeline.get_pipeline_state(name=self._pipeline)
        states = [
            found
            for each in state["stageStates"]
            if each["stageName"] == stage
            for found in each["actionStates"]
            if found["actionName"] == action
        ]
        return str(states[0]["latestExecution"]["token"])

    def await_new(self, known: set[str]) -> str:
        """The id of the first execution that is not in `known`."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for found in reversed(self.executions()):
                if found["pipelineExecutionId"] not in known:
                    return str(found["pipelineExecutionId"])
            time.sleep(LOOK_EVERY)
        raise DemoFailed("the commit started no execution of the pipeline within a minute")

    def follow(
        self,
        execution: str,
        until: Callable[[Action], bool] = lambda _: False,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> tuple[str, str]:
        """Show an execution until it ends, or an action is as `until` says; its status, and what is said of it.

        `meanwhile` is called at each look.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            status, said = self.status(execution)
            meanwhile()
            for action in self.actions(execution):
                now = action.status, action.text
                if self._seen.get(action.id) != now:
                    self._show(action)
                self._seen[action.id] = now
                if until(action):
                    return status, said
            if status in _ENDED:
                return status, said
            time.sleep(LOOK_EVERY)
        raise DemoFailed(f"the execution {execution} is not over after {PATIENCE_SECONDS:.0f} s")

    def _show(self, action: Action) -> None:
        colour = {"Succeeded": "green", "Failed": "red"}.get(action.status, "yellow")
        text = f": {escape(action.text)}" if action.text else ""
        self._screen.say(f"[bold]{action.stage}[/] {action.name} [{colour}]{action.status}[/]{text}")


def _action(detail: Mapping[str, Any]) -> Action:
    output = detail.get("output", {})
    result = output.get("executionResult", {})
    error = result.get("errorDetails", {}).get("message", "")
    return Action(
        id=detail["actionExecutionId"],
        stage=detail["stageName"],
        name=detail["actionName"],
        status=detail["status"],
        text=error or result.get("externalExecutionSummary", ""),
        variables=output.get("outputVariables", {}),
    )
