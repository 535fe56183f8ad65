"""Starts a project's pipeline when its new data is complete.

A message tells of an object that came, after the queue has kept it for the quiet time: `pipeline`, `prefix` below which
the project's data is, and the `event` of S3. Of a burst of objects only the last one's message finds that nothing came
after it; the others leave it to that one.

The function knows neither stage nor project. Its role needs the queue, `s3:ListBucket` on the buckets that parameters
of the pipelines name, and `sagemaker:DescribePipeline`, `ListPipelineExecutions` and `StartPipelineExecution` on the
pipelines.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import boto3

from .inputs import NoData
from .starting import Run

__all__ = ["handle"]

# S3 tells times of objects and of events in whole seconds.
_RESOLUTION = timedelta(seconds=1)


@dataclass(frozen=True)
class Arrival:
    """An object came below `prefix`, at a moment of S3's clock."""

    pipeline: str
    bucket: str
    prefix: str
    time: datetime

    @staticmethod
    def of(record: Mapping[str, Any]) -> Arrival:
        """What a record of the queue tells."""
        body = json.loads(record["body"])
        event = body["event"]
        time = datetime.fromisoformat(event["time"])
        return Arrival(body["pipeline"], event["detail"]["bucket"]["name"], body["prefix"], time)


def handle(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Lambda: look at the pipelines that a batch of messages tells of; the failed messages are sent again."""
    return work_off(event, _client)


def work_off(event: Mapping[str, Any], client: Callable[[str], Any]) -> dict[str, Any]:
    """Look once at each pipeline of a batch, for the latest of its messages, which the earlier ones leave it to.

    Args:
        event: a batch of the queue.
        client: gives the boto3 client of a service.
    """
    arrivals, failed = [], []
    for record in event["Records"]:
        try:
            arrivals.append((Arrival.of(record), record["messageId"]))
        except (KeyError, ValueError):
            traceback.print_exc()
            failed.append(record["messageId"])
    latest = {arrival.pipeline: arrival for arrival, _ in sorted(arrivals, key=lambda each: each[0].time)}
    done = {pipeline for pipeline, arrival in latest.items() if _done(arrival, client)}
    failed += [id for arrival, id in arrivals if arrival.pipeline not in done]
    return {"batchItemFailures": [{"itemIdentifier": id} for id in failed]}


def _done(arrival: Arrival, client: Callable[[str], Any]) -> bool:
    try:
        _say(arrival, _start_on_all_of_it(arrival, client))
    except Exception as error:
        traceback.print_exc()
        _say(arrival, "failed", error=f"{type(error).__name__}: {error}")
        return False
    return True


def _start_on_all_of_it(arrival: Arrival, client: Callable[[str], Any]) -> str:
    if _more_came(client("s3"), arrival):
        return "more data came; its own message follows"
    try:
        run = Run.of(client, arrival.pipeline)
    except NoData as error:
        return str(error)
    if settled := run.settled(arrival.time):
        return f"execution {settled.id} on this data is {settled.status}"
    return f"started {run.start()}"


def _more_came(s3: Any, arrival: Arrival) -> bool:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=arrival.bucket, Prefix=arrival.prefix)
    later = arrival.time + _RESOLUTION
    return any(item["LastModified"] > later for page in pages for item in page.get("Contents", ()))


def _say(arrival: Arrival, outcome: str, **more: str) -> None:
    said = {"message": outcome, "pipeline": arrival.pipeline, "arrived": arrival.time.isoformat(), **more}
    print(json.dumps(said), flush=True)


@cache
def _client(service: str) -> Any:
    return boto3.client(service)
