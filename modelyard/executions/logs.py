"""The log lines of steps' jobs, from CloudWatch Logs, each one once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from modelyard.executions.execution import Step
from modelyard.executions.jobs import Client, Job, job_of
from modelyard.lambdas.serving.errors import unless_absent

__all__ = ["Line", "Tail"]


@dataclass(frozen=True)
class Line:
    """A line that a step's job logged; `instance` is empty where the job has only one."""

    step: str
    instance: str
    text: str

    def __str__(self) -> str:
        return f"{' '.join(filter(None, (self.step, self.instance)))} | {self.text}"


@dataclass
class Tail:
    """Reads on where it left off.

    Args:
        client: gives the boto3 client of a service.
        jobs: those that were read.
    """

    client: Client
    jobs: dict[str, Job] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)

    def read(self, step: Step) -> Iterator[Line]:
        """The lines of the step's job that were not read before; none for a step without a job."""
        job = self._job(step)
        if job is None:
            return
        streams = self._streams(job)
        for stream in streams:
            instance = stream.removeprefix(f"{job.name}/").rpartition("-")[0] if len(streams) > 1 else ""
            for text in self._new(job.log_group, stream):
                yield Line(step.name, instance, text)

    def _job(self, step: Step) -> Job | None:
        # A step that is tried again has another job.
        key = f"{step.name} {step.metadata}"
        if key not in self.jobs:
            job = job_of(self.client, step)
            if job is None:
                return None
            self.jobs[key] = job
        return self.jobs[key]

    def _streams(self, job: Job) -> list[str]:
        pages = self._logs.get_paginator("describe_log_streams").paginate(
            logGroupName=job.log_group, logStreamNamePrefix=f"{job.name}/"
        )
        # A job that has not logged yet has no streams, and where no job ever has there is no group.
        listed = unless_absent(lambda: [item["logStreamName"] for page in pages for item in page["logStreams"]])
        return sorted(listed or [])

    def _new(self, group: str, stream: str) -> Iterator[str]:
        while True:
            token = self._tokens.get(stream)
            answer = self._logs.get_log_events(
                logGroupName=group,
                logStreamName=stream,
                startFromHead=True,
                **({"nextToken": token} if token else {}),
            )
            self._tokens[stream] = answer["nextForwardToken"]
            yield from (event["message"].rstrip("\r\n") for event in answer["events"])
            # At the end of a stream CloudWatch Logs gives back the token that it was given.
            if answer["nextForwardToken"] == token or (token is None and not answer["events"]):
                return

    @property
    def _logs(self) -> Any:
        return self.client("logs")
