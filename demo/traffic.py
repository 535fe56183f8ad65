"""Requests to an endpoint while it is being updated, and who answered them."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

__all__ = ["Traffic", "answered"]

REQUESTS_A_SECOND = 25
SENDERS = 2


class Traffic:
    """Rows sent to an endpoint, one a request, until the block is left.

    Args:
        runtime: client of the SageMaker runtime, without retries: each failed request is to be counted.
        endpoint: the endpoint's name.
        rows: sent again and again, in turn.

    Attributes:
        sent: how many requests were answered or failed.
        model_errors: how many of them the model answered with an error.
        failures: what else came in the place of an answer.
    """

    def __init__(self, runtime: Any, endpoint: str, rows: Sequence[Sequence[str]]) -> None:
        self.sent = 0
        self.model_errors = 0
        self.failures: list[str] = []
        self._runtime = runtime
        self._endpoint = endpoint
        self._rows = itertools.cycle(rows)
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(SENDERS)]

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def __str__(self) -> str:
        return f"{self.sent:,} requests, {self.model_errors} errors of the model, {len(self.failures)} failed otherwise"

    def _send(self) -> None:
        while not self._ended.wait(SENDERS / REQUESTS_A_SECOND):
            with self._lock:
                row = next(self._rows)
            error = self._invoke(row)
            with self._lock:
                self.sent += 1
                if error.startswith("ModelError"):
                    self.model_errors += 1
                elif error:
                    self.failures.append(error)

    def _invoke(self, row: Sequence[str]) -> str:
        try:
            body = ",".join(row)
            answer = self._runtime.invoke_endpoint(EndpointName=self._endpoint, ContentType="text/csv", Body=body)
            answer["Body"].read()
        except ClientError as error:
            return f"{error.response['Error']['Code']}: {error}"
        except BotoCoreError as error:
            return f"{type(error).__name__}: {error}"
        return ""


def answered(cloudwatch: Any, endpoint: str, config: str) -> tuple[int, int]:
    """How many requests the instances of an endpoint config answered so far, and how many of them with a 5xx error."""
    return _sum(cloudwatch, endpoint, config, "Invocations"), _sum(cloudwatch, endpoint, config, "Invocation5XXErrors")


def _sum(cloudwatch: Any, endpoint: str, config: str, metric: str) -> int:
    now = datetime.now(UTC)
    dimensions = {"EndpointName": endpoint, "VariantName": "AllTraffic", "EndpointConfigName": config}
    found = cloudwatch.get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
        Period=3600,
        Statistics=["Sum"],
    )
    return int(sum(point["Sum"] for point in found["Datapoints"]))
