"""A training job that is interrupted leaves its checkpoints, and the next one goes on from them."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from modelyard.local.sagemaker.jobs.checkpoints import Checkpoints
from modelyard.local.sagemaker.jobs.storage import Storage
from tests.local.sagemaker.lab import Lab, unique

# Four epochs; killed without warning after the second where there was no checkpoint before.
EPOCHS = """
import os, pathlib, signal
folder = pathlib.Path("/opt/ml/checkpoints")
done = len(list(folder.glob("epoch-*")))
for epoch in range(done + 1, 5):
    (folder / f"epoch-{epoch}").write_text(str(epoch))
    print("epoch", epoch)
    if done == 0 and epoch == 2:
        os.kill(os.getpid(), signal.SIGKILL)
"""
# One checkpoint, a pause, and another one when it is asked to stop.
STOPPED = """
import pathlib, signal, sys, time
folder = pathlib.Path("/opt/ml/checkpoints/deep")
folder.mkdir()
signal.signal(signal.SIGTERM, lambda *_: ((folder / "last").write_text("last"), sys.exit(0)))
(folder / "first").write_text("first")
time.sleep(600)
"""


def _arguments(lab: Lab, script: str) -> tuple[dict[str, Any], str]:
    uri = f"s3://{lab.bucket}/{unique('checkpoints')}"
    return {**lab.training(script), "CheckpointConfig": {"S3Uri": uri}}, uri


def test_a_job_that_was_killed_is_taken_up_where_it_was(lab: Lab) -> None:
    arguments, uri = _arguments(lab, EPOCHS)

    first, second = lab.run_training(**arguments), lab.run_training(**arguments)

    assert first["FailureReason"].startswith("AlgorithmError: See job logs for more information, exit code: -9")
    assert second["TrainingJobStatus"] == "Completed"
    assert lab.log("Training", second["TrainingJobName"]) == ["epoch 3", "epoch 4"]
    assert [lab.get(f"{uri}/epoch-{epoch}") for epoch in (1, 2, 3, 4)] == [b"1", b"2", b"3", b"4"]


def test_checkpoints_are_in_s3_while_the_job_runs_and_the_last_ones_when_it_was_stopped(lab: Lab) -> None:
    arguments, uri = _arguments(lab, STOPPED)
    name, prefix = unique("training"), uri.removeprefix(f"s3://{lab.bucket}/")

    lab.sagemaker.create_training_job(TrainingJobName=name, **arguments)
    while lab.keys(prefix) != [f"{prefix}/deep/first"]:
        time.sleep(0.05)
    assert lab.sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "InProgress"
    lab.sagemaker.stop_training_job(TrainingJobName=name)

    assert lab.ended("Training", name)["TrainingJobStatus"] == "Stopped"
    assert lab.keys(prefix) == [f"{prefix}/deep/first", f"{prefix}/deep/last"]


def test_checkpoints_may_lie_in_another_folder(lab: Lab) -> None:
    arguments, uri = _arguments(lab, "open('/opt/ml/elsewhere/one', 'w').write('1')")
    arguments["CheckpointConfig"]["LocalPath"] = "/opt/ml/elsewhere"

    assert lab.run_training(**arguments)["TrainingJobStatus"] == "Completed"
    assert lab.get(f"{uri}/one") == b"1"


class Recorder(Storage):
    """Storage that only remembers what is put, and may lose a file just before that."""

    def __init__(self, lost: str = "") -> None:
        super().__init__(None)
        self.put: list[str] = []
        self.deleted: list[str] = []
        self._lost = lost

    def upload_file(self, path: Path, folder: Path, uri: str, kms_key: str | None = None) -> None:
        if path.name == self._lost:
            raise FileNotFoundError
        self.put.append(f"{uri}/{path.relative_to(folder)}")

    def delete_file(self, path: Path, folder: Path, uri: str) -> None:
        self.deleted.append(f"{uri}/{path.relative_to(folder)}")


def test_what_is_kept_follows_the_folder_change_by_change(tmp_path: Path) -> None:
    storage = Recorder()
    checkpoints = Checkpoints(storage, "s3://b/k", tmp_path)
    (tmp_path / "one").write_text("1")
    (tmp_path / "two").write_text("2")
    os.mkfifo(tmp_path / "pipe")
    assert checkpoints.keep()
    assert storage.put == ["s3://b/k/one", "s3://b/k/two"]
    assert not checkpoints.keep()
    (tmp_path / "two").write_text("two")
    (tmp_path / "one").unlink()
    assert checkpoints.keep()
    assert storage.put[2:] == ["s3://b/k/two"]
    assert storage.deleted == ["s3://b/k/one"]
    assert not checkpoints.keep()


def test_nothing_kept_is_deleted_where_the_whole_folder_is_gone(tmp_path: Path) -> None:
    storage = Recorder()
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    (folder / "one").write_text("1")
    checkpoints = Checkpoints(storage, "s3://b/k", folder)
    checkpoints.keep()
    shutil.rmtree(folder)
    assert not checkpoints.keep()
    assert storage.deleted == []


def test_a_checkpoint_that_the_program_deletes_is_deleted_in_s3(lab: Lab) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html"""
    script = "import os; os.remove('/opt/ml/checkpoints/old'); open('/opt/ml/checkpoints/new', 'w').write('new')"
    arguments, uri = _arguments(lab, script)
    bucket, prefix = lab.bucket, uri.removeprefix(f"s3://{lab.bucket}/")
    lab.s3.put_object(Bucket=bucket, Key=f"{prefix}/old", Body=b"old")

    assert lab.run_training(**arguments)["TrainingJobStatus"] == "Completed"
    assert lab.keys(prefix) == [f"{prefix}/new"]


@pytest.mark.parametrize("folder", ["", "gone"])
def test_what_the_program_takes_away_meanwhile_is_no_error(tmp_path: Path, folder: str) -> None:
    (tmp_path / "part").write_text("1")
    checkpoints = Checkpoints(storage := Recorder(lost="part"), "s3://b/k", tmp_path / folder)
    checkpoints.keep()
    assert storage.put == []
