"""How jobs end when somebody stops them, and when the local AWS itself ends."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.sagemaker.lab import Lab, unique
from tests.local_aws import LocalAws

# It writes its process id and that of a child in a session of its own, and waits.
SLEEP = """
import os, pathlib, subprocess, sys, time
child = subprocess.Popen(["sleep", "600"], start_new_session={new_session})
print("pids", os.getpid(), child.pid)
time.sleep(600)
"""


def pids(lab: Lab, name: str) -> list[int]:
    """The processes of the job, once it has said which they are."""
    while True:
        try:
            lines = [line for line in lab.log("Processing", name) if line.startswith("pids")]
        except ClientError:
            lines = []
        if lines:
            return [int(pid) for pid in lines[0].split()[1:]]
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(processes: list[int]) -> None:
    """Return when none of ``processes`` lives; the test's own time limit is the limit."""
    while any(map(alive, processes)):
        time.sleep(0.05)


def start(lab: Lab, *, new_session: bool = False) -> tuple[str, list[int]]:
    name = unique("sleeps")
    arguments: dict[str, Any] = lab.processing(SLEEP.format(new_session=new_session))
    lab.sagemaker.create_processing_job(ProcessingJobName=name, **arguments)
    return name, pids(lab, name)


def test_a_job_that_is_stopped_ends_with_all_that_it_started(lab: Lab) -> None:
    name, processes = start(lab)

    lab.sagemaker.stop_processing_job(ProcessingJobName=name)

    assert lab.ended("Processing", name)["ProcessingJobStatus"] == "Stopped"
    wait_until_gone(processes)
    with pytest.raises(ClientError, match="The request was rejected because the processing job is in status Stopped"):
        lab.sagemaker.stop_processing_job(ProcessingJobName=name)


def test_a_job_ends_with_its_first_process_and_leaves_none_behind(lab: Lab) -> None:
    arguments = lab.processing(SLEEP.format(new_session=True).replace("time.sleep(600)", ""))

    job = lab.run_processing(**arguments)

    assert job["ProcessingJobStatus"] == "Completed"
    wait_until_gone(pids(lab, job["ProcessingJobName"]))


@pytest.mark.timeout(60)
def test_no_process_of_a_job_outlives_a_killed_server_and_the_job_is_marked_as_interrupted(
    own_local_aws: LocalAws, tmp_path: Path
) -> None:
    lab = Lab(own_local_aws, tmp_path)
    name, processes = start(lab, new_session=True)
    # A finished job has what is known by now kept.
    lab.run_processing(**lab.processing(""))
    wait_until_kept(own_local_aws, name)

    os.kill(own_local_aws.instance.pid, signal.SIGKILL)

    wait_until_gone(processes)
    own_local_aws.up()
    job = own_local_aws.client("sagemaker").describe_processing_job(ProcessingJobName=name)
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "InternalServerError: the job was interrupted because the local AWS ended"


def wait_until_kept(aws: LocalAws, name: str) -> None:
    """Return when the job ``name`` is in the snapshot."""
    while True:
        try:
            parts = json.loads((aws.paths.state / "snapshot.json").read_text())["parts"]
            if name in (aws.paths.state / "blobs" / parts["modelyard-sagemaker"]).read_text():
                return
        except FileNotFoundError:  # none yet, or one that was replaced in between
            pass
        time.sleep(0.05)


@pytest.mark.timeout(60)
def test_no_process_of_a_job_outlives_down(own_local_aws: LocalAws, tmp_path: Path) -> None:
    _, processes = start(Lab(own_local_aws, tmp_path), new_session=True)

    own_local_aws.down()

    wait_until_gone(processes)
