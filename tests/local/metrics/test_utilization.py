from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from modelyard.local.metrics.utilization import InstanceProcess, Usage, Utilization, gpu_usage, session_usage

BUSY = """
import sys, time
end = time.process_time() + 0.2
while time.process_time() < end:
    pass
print("done", flush=True)
sys.stdin.read()
"""


def process(pid: int) -> InstanceProcess:
    return InstanceProcess("111122223333", "eu-west-1", "abalone", "AllTraffic", pid)


def test_a_session_s_processes_are_added_up() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BUSY], start_new_session=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as busy:
        assert busy.stdout is not None and busy.stdout.readline() == b"done\n"
        usage = session_usage([busy.pid, 999_999_999])
        busy.kill()
    assert list(usage) == [busy.pid]
    assert usage[busy.pid].cpu_seconds >= 0.2
    assert usage[busy.pid].memory_bytes > 1_000_000


def test_a_process_whose_name_looks_like_fields_is_read_right(tmp_path: Path) -> None:
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    for pid in (10, 11):
        (tmp_path / str(pid)).mkdir()
        fields = f"{pid} (a) S 1 (b) S 1 10 10 0 0 0 0 0 0 0 {ticks} {2 * ticks} 0 0 0 0 0 0 0 0 5"
        (tmp_path / str(pid) / "stat").write_text(fields)
    assert session_usage([10], tmp_path) == {10: Usage(6.0, 10 * page)}


def test_cpu_is_that_since_the_time_before_and_memory_that_of_now() -> None:
    utilization = Utilization(memory_bytes=1000)
    (first,) = utilization.sample([process(1)], {1: Usage(10.0, 250)}, {}, 100.0)
    (second,) = utilization.sample([process(1)], {1: Usage(13.0, 500)}, {"GPUMemoryUtilization": 40.0}, 102.0)
    assert [(datum["MetricName"], datum["Value"]) for datum in first[2]] == [("MemoryUtilization", 25.0)]
    assert {datum["MetricName"]: datum["Value"] for datum in second[2]} == {
        "MemoryUtilization": 50.0,
        "GPUMemoryUtilization": 40.0,
        "CPUUtilization": 150.0,
    }
    assert [len(datum["Dimensions"]) for datum in second[2]] == [2, 2, 2]


def test_a_process_that_has_ended_has_no_metrics() -> None:
    assert Utilization().sample([process(1)], {}, {}, 100.0) == []


@pytest.mark.parametrize(
    ("output", "exit_code", "found"),
    [
        ("50, 8000, 16000\n10, 4000, 16000\n", 0, {"GPUUtilization": 60.0, "GPUMemoryUtilization": 75.0}),
        ("[N/A], 1, 2\n", 0, {}),
        ("No devices were found\n", 6, {}),
        ("", 0, {}),
    ],
)
def test_gpus_are_added_up(tmp_path: Path, output: str, exit_code: int, found: dict[str, float]) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\nprintf '{output}'\nexit {exit_code}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    assert gpu_usage(str(program)) == found


def test_without_gpus_there_are_no_metrics_of_them() -> None:
    assert gpu_usage(None) == {}
