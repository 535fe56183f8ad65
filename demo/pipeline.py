"""Starts a pipeline and shows its steps as they run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.live import Live

from modelyard.executions import execution as executions
from modelyard.executions.display import Steps
from modelyard.executions.jobs import made

__all__ = ["Execution", "run_pipeline"]


class Execution(executions.Execution):
    """A pipeline execution that has ended."""

    def output(self, sagemaker: Any, step: str, name: str) -> str:
        """The S3 location of the output ``name`` of the step ``step``."""
        (found,) = (each for each in self.steps if each.name == step)
        return dict(made(lambda _: sagemaker, found))[name]


def run_pipeline(console: Console, sagemaker: Any, name: str, parameters: Mapping[str, str]) -> Execution:
    """Run the pipeline ``name`` to its end, showing its steps."""
    arn = sagemaker.start_pipeline_execution(
        PipelineName=name,
        PipelineParameters=[{"Name": key, "Value": value} for key, value in parameters.items()],
    )["PipelineExecutionArn"]
    with Live(console=console, refresh_per_second=8) as live:
        while not (seen := executions.look(sagemaker, arn)).ended:
            live.update(Steps(seen))
            time.sleep(0.2)
        live.update(Steps(seen))
    if not console.is_terminal:
        console.print()
    return Execution(**vars(seen))
