"""Starts a pipeline and shows its steps as they run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

__all__ = ["Execution", "run_pipeline"]

_MARKS = {"Succeeded": "[green]✓[/]", "Failed": "[red]✗[/]", "Executing": "[yellow]…[/]"}


@dataclass(frozen=True)
class Execution:
    """A pipeline execution that has ended."""

    arn: str
    status: str
    reason: str
    steps: dict[str, dict[str, Any]]

    @property
    def failures(self) -> list[str]:
        """What each failed step says."""
        failed = [step for step in self.steps.values() if step["StepStatus"] == "Failed"]
        return [f"{step['StepName']}: {step.get('FailureReason', '')}" for step in failed]

    @property
    def package_arn(self) -> str:
        """The model package that the execution registered; raises KeyError where it registered none."""
        (arn,) = [
            step["Metadata"]["RegisterModel"]["Arn"]
            for step in self.steps.values()
            if "RegisterModel" in step.get("Metadata", {})
        ]
        return str(arn)

    def output(self, sagemaker: Any, step: str, name: str) -> str:
        """The S3 location of the output ``name`` of the processing step ``step``."""
        arn = self.steps[step]["Metadata"]["ProcessingJob"]["Arn"]
        job = sagemaker.describe_processing_job(ProcessingJobName=arn.rpartition("/")[2])
        outputs = {output["OutputName"]: output for output in job["ProcessingOutputConfig"]["Outputs"]}
        return str(outputs[name]["S3Output"]["S3Uri"])


def run_pipeline(console: Console, sagemaker: Any, name: str, parameters: Mapping[str, str]) -> Execution:
    """Run the pipeline ``name`` to its end, showing its steps."""
    arn = sagemaker.start_pipeline_execution(
        PipelineName=name,
        PipelineParameters=[{"Name": key, "Value": value} for key, value in parameters.items()],
    )["PipelineExecutionArn"]
    with Live(console=console, refresh_per_second=8) as live:
        while True:
            execution = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
            steps = _steps(sagemaker, arn)
            live.update(_table(steps))
            if execution["PipelineExecutionStatus"] not in ("Executing", "Stopping"):
                break
            time.sleep(0.2)
    if not console.is_terminal:
        console.print()
    return Execution(
        arn,
        execution["PipelineExecutionStatus"],
        execution.get("FailureReason", ""),
        {step["StepName"]: step for step in steps},
    )


def _steps(sagemaker: Any, arn: str) -> list[dict[str, Any]]:
    pages = sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
        PipelineExecutionArn=arn, SortOrder="Ascending"
    )
    return [step for page in pages for step in page["PipelineExecutionSteps"]]


def _table(steps: list[dict[str, Any]]) -> Table:
    table = Table("", "step", "status", "s", box=None, padding=(0, 2))
    for step in steps:
        end = step["EndTime"].timestamp() if "EndTime" in step else time.time()
        status = step["StepStatus"] + (" (cached)" if step.get("CacheHitResult") else "")
        seconds = f"{end - step['StartTime'].timestamp():.1f}" if "StartTime" in step else ""
        table.add_row(_MARKS.get(step["StepStatus"], " "), step["StepName"], status, seconds)
    return table
