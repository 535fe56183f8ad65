"""Starts a pipeline on its present inputs, and not a second time.

Nothing is kept for it: an execution bears the name of its inputs, and SageMaker lists executions with their names. Two
that start at the same time ask with the same token, for which SageMaker starts one execution.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .inputs import inputs_name

__all__ = ["ENDED_BADLY", "RUNNING", "Execution", "Run", "executions"]

RUNNING = frozenset({"Executing", "Stopping"})
ENDED_BADLY = frozenset({"Failed", "Stopped"})


@dataclass(frozen=True)
class Execution:
    """An execution of a pipeline, as a list of them tells of it."""

    arn: str
    name: str
    status: str
    started: datetime
    reason: str = ""

    @property
    def id(self) -> str:
        """The last part of its ARN."""
        return self.arn.rpartition("/")[2]


@dataclass(frozen=True)
class Run:
    """A pipeline on its present inputs: the name of an execution on them, and the last one of that name, if any."""

    sagemaker: Any
    pipeline: str
    name: str
    last: Execution | None

    @staticmethod
    def of(client: Callable[[str], Any], pipeline: str) -> Run:
        """Look at the inputs of `pipeline`; `client` gives the boto3 client of a service.

        Raises:
            NoData: there is nothing to run on.
        """
        name = inputs_name(client, pipeline)
        sagemaker = client("sagemaker")
        newest_first = executions(sagemaker, pipeline, SortOrder="Descending")
        return Run(sagemaker, pipeline, name, next((item for item in newest_first if item.name == name), None))

    def settled(self, asked: datetime) -> Execution | None:
        """The execution that makes another one needless: one that runs or succeeded, or that ended badly since `asked`.

        Whoever asks after an execution has ended badly gets one more, however often the asking is repeated.
        """
        last = self.last
        if last and last.status in ENDED_BADLY and last.started < asked:
            return None
        return last

    def start(self) -> str:
        """Start an execution after `last`, or find the one that was started after it; returns its ARN."""
        token = hashlib.sha256(f"{self.name} {self.last.arn if self.last else ''}".encode()).hexdigest()
        answer = self.sagemaker.start_pipeline_execution(
            PipelineName=self.pipeline, PipelineExecutionDisplayName=self.name, ClientRequestToken=token
        )
        return str(answer["PipelineExecutionArn"])


def executions(sagemaker: Any, pipeline: str, **arguments: Any) -> Iterator[Execution]:
    """The executions of a pipeline in the order of their creation, as far as they are asked for.

    Args:
        sagemaker: a boto3 client.
        pipeline: its name.
        arguments: of ListPipelineExecutions, such as `CreatedAfter`.
    """
    paginator = sagemaker.get_paginator("list_pipeline_executions")
    for page in paginator.paginate(PipelineName=pipeline, SortBy="CreationTime", **arguments):
        for item in page["PipelineExecutionSummaries"]:
            yield Execution(
                arn=item["PipelineExecutionArn"],
                name=item.get("PipelineExecutionDisplayName", ""),
                status=item["PipelineExecutionStatus"],
                started=item["StartTime"],
                reason=item.get("PipelineExecutionFailureReason", ""),
            )
