"""How much of the machine the server processes of an endpoint use, see
https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html#cloudwatch-metrics-endpoints

Their dimensions are EndpointName and VariantName: unlike those of invocations, SageMaker publishes them for no single
endpoint configuration. They are read from /proc, so there are none where the system has no such thing. The metrics of
the GPUs are those of the machine: all that runs on them counts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["InstanceProcess", "Usage", "Utilization", "gpu_usage", "session_usage"]

_PROC = Path("/proc")
_TICKS = float(os.sysconf("SC_CLK_TCK"))
_PAGE = os.sysconf("SC_PAGE_SIZE")
_QUERY = ["--query-gpu=utilization.gpu,memory.used,memory.total", "--format=csv,noheader,nounits"]


@dataclass(frozen=True)
class InstanceProcess:
    """The server process of one instance; ``pid`` leads a session of its own, in which its workers are."""

    account: str
    region: str
    endpoint: str
    variant: str
    pid: int


@dataclass(frozen=True)
class Usage:
    """What the processes of a session have used: seconds of CPU so far, bytes of memory now."""

    cpu_seconds: float
    memory_bytes: int


def session_usage(leaders: Iterable[int], proc: Path = _PROC) -> dict[int, Usage]:
    """The usage of each of the sessions, by the process id of its leader; one that has ended is left out."""
    wanted = set(leaders)
    found: dict[int, Usage] = {}
    for stat in proc.glob("[0-9]*/stat"):
        try:
            # The name before the last parenthesis may hold anything; counted from there: state, ppid, pgrp, session …
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        leader = int(fields[3])
        if leader in wanted:
            before = found.get(leader, Usage(0.0, 0))
            cpu = (int(fields[11]) + int(fields[12])) / _TICKS
            found[leader] = Usage(before.cpu_seconds + cpu, before.memory_bytes + int(fields[21]) * _PAGE)
    return found


def gpu_usage(program: str | None = shutil.which("nvidia-smi")) -> dict[str, float]:
    """``GPUUtilization`` and ``GPUMemoryUtilization``, summed over the GPUs (0 to 100 for each); empty without GPUs."""
    if program is None:
        return {}
    done = subprocess.run([program, *_QUERY], capture_output=True, text=True, check=False, timeout=10)
    try:
        rows = [[float(cell) for cell in line.split(",")] for line in done.stdout.splitlines() if line.strip()]
    except ValueError:  # a GPU that does not tell, "[N/A]"
        return {}
    if done.returncode or not rows:
        return {}
    return {
        "GPUUtilization": sum(row[0] for row in rows),
        "GPUMemoryUtilization": sum(100 * row[1] / row[2] for row in rows),
    }


class Utilization:
    """Turns usage into metric data; the CPU's is that since the time before."""

    def __init__(self, memory_bytes: int | None = None) -> None:
        self._memory = memory_bytes or os.sysconf("SC_PHYS_PAGES") * _PAGE
        self._before: dict[int, tuple[float, Usage]] = {}

    def sample(
        self, processes: Sequence[InstanceProcess], usage: dict[int, Usage], gpu: dict[str, float], now: float
    ) -> list[tuple[str, str, list[dict[str, Any]]]]:
        """Metric data of the instances, as (account, region, data); one that is seen for the first time has no CPU."""
        sampled = []
        for process in processes:
            if process.pid not in usage:
                continue
            values = {"MemoryUtilization": 100 * usage[process.pid].memory_bytes / self._memory, **gpu}
            if process.pid in self._before:
                then, before = self._before[process.pid]
                used = usage[process.pid].cpu_seconds - before.cpu_seconds
                values["CPUUtilization"] = max(0.0, 100 * used / (now - then))
            sampled.append((process.account, process.region, _data(process, values, now)))
        self._before = {pid: (now, each) for pid, each in usage.items()}
        return sampled


def _data(process: InstanceProcess, values: dict[str, float], now: float) -> list[dict[str, Any]]:
    dimensions = {"EndpointName": process.endpoint, "VariantName": process.variant}
    return [
        {
            "MetricName": metric,
            "Dimensions": [{"Name": name, "Value": each} for name, each in dimensions.items()],
            "Timestamp": datetime.fromtimestamp(now, UTC),
            "Value": value,
            "Unit": "Percent",
        }
        for metric, value in values.items()
    ]
