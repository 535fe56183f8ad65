"""Script mode: runs the training job's own script in this image.

The job's hyperparameters name the script (`sagemaker_program`) and where its source is (`sagemaker_submit_directory`):
an S3 URI of a tar.gz or of a prefix, or a local path, usually that of an input channel, which holds the tar.gz or the
files themselves. The other hyperparameters become arguments `--name value`; `SM_*` variables tell the script the rest,
as AWS's own images do (https://github.com/aws/sagemaker-training-toolkit#environment-variables).

A failed script's exit code is this program's, and the end of its standard error is written to `/opt/ml/output/failure`,
which SageMaker shows as the job's FailureReason.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import zlib
from collections import deque
from pathlib import Path
from typing import Any

BASE = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
CODE = BASE / "code"
FAILURE_LINES = 20


class TrainingError(Exception):
    """A job that cannot start: its configuration or its source is wrong."""


def main() -> int:
    """Run the job; the exit code is the script's, or 1 where it could not start."""
    try:
        hyperparameters = read_config("hyperparameters")
        program = hyperparameters.pop("sagemaker_program", None)
        source = hyperparameters.pop("sagemaker_submit_directory", None)
        if not program or not source:
            raise TrainingError("hyperparameters sagemaker_program and sagemaker_submit_directory must both be given")
        fetch(str(source), CODE)
        check(str(program), CODE)
    except TrainingError as error:
        write_failure(str(error))
        print(error, file=sys.stderr)
        return 1
    values = {name: value for name, value in hyperparameters.items() if not name.startswith("sagemaker_")}
    return run(str(program), values)


def read_config(name: str) -> dict[str, Any]:
    """A file of /opt/ml/input/config; hyperparameters that are JSON (as some SDKs write them) are decoded."""
    path = BASE / "input" / "config" / f"{name}.json"
    if not path.is_file():
        return {}
    config: dict[str, Any] = json.loads(path.read_text())
    return {key: decoded(value) for key, value in config.items()}


def decoded(value: Any) -> Any:
    """The string that a JSON string stands for; anything else as it is."""
    if isinstance(value, str) and value[:1] == '"':
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return value
    return value


def fetch(source: str, folder: Path) -> None:
    """Put the files of `source` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    if source.startswith("s3://"):
        download(source, folder)
    elif Path(source).is_file():
        shutil.copy(source, folder)
    elif Path(source).is_dir():
        shutil.copytree(source, folder, dirs_exist_ok=True)
    else:
        raise TrainingError(f"sagemaker_submit_directory: {source} does not exist")
    # The CDK names an archive of ours `<hash>.gz`; other gzip files in a source folder are the script's own affair.
    archives = [path for path in folder.glob("*.gz") if path.name.endswith(".tar.gz") or tarfile.is_tarfile(path)]
    for archive in archives:
        try:
            with tarfile.open(archive, "r:gz") as tar:
                tar.extractall(folder, filter="data")
        except (tarfile.TarError, EOFError, zlib.error) as error:
            raise TrainingError(f"sagemaker_submit_directory: {archive.name} is no tar.gz archive: {error}") from error
        archive.unlink()


def download(uri: str, folder: Path) -> None:
    """Copy the S3 object `uri`, or every object below it, to `folder`."""
    import boto3

    bucket, _, key = uri.removeprefix("s3://").partition("/")
    prefix = key if key.endswith(".gz") else key.rstrip("/") + "/"
    client = boto3.client("s3")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [item["Key"] for page in pages for item in page.get("Contents", []) if not item["Key"].endswith("/")]
    if not keys:
        raise TrainingError(f"sagemaker_submit_directory: nothing at {uri}")
    for found in keys:
        target = folder / (Path(key).name if found == key else found.removeprefix(prefix))
        target.parent.mkdir(parents=True, exist_ok=True)
        client.download_file(bucket, found, str(target))


def check(program: str, folder: Path) -> None:
    """Raise TrainingError where the source cannot be run."""
    if not (folder / program).is_file():
        present = ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"
        raise TrainingError(f"sagemaker_program: no {program} in the source, which holds {present}")
    if (folder / "requirements.txt").exists():
        raise TrainingError(
            "the source holds a requirements.txt; a job installs nothing: add the packages to the image"
        )


def environment(hyperparameters: dict[str, Any]) -> dict[str, str]:
    """The SM_* variables of a training script."""
    resources = read_config("resourceconfig")
    channels = sorted(read_config("inputdataconfig"))
    return {
        "SM_MODEL_DIR": str(BASE / "model"),
        "SM_OUTPUT_DIR": str(BASE / "output"),
        "SM_OUTPUT_DATA_DIR": str(BASE / "output" / "data"),
        "SM_INPUT_DIR": str(BASE / "input"),
        "SM_INPUT_CONFIG_DIR": str(BASE / "input" / "config"),
        "SM_CHANNELS": json.dumps(channels),
        "SM_HPS": json.dumps(hyperparameters),
        "SM_HOSTS": json.dumps(resources.get("hosts", ["algo-1"])),
        "SM_CURRENT_HOST": resources.get("current_host", "algo-1"),
        "SM_CURRENT_INSTANCE_TYPE": resources.get("current_instance_type", ""),
        "SM_NUM_CPUS": str(os.cpu_count()),
        **{f"SM_CHANNEL_{name.upper()}": str(BASE / "input" / "data" / name) for name in channels},
        **{f"SM_HP_{name.upper()}": str(value) for name, value in hyperparameters.items()},
    }


def run(program: str, hyperparameters: dict[str, Any]) -> int:
    """Run the script to its end, passing SIGTERM on to it, so that a stopped job can save what it has."""
    for folder in (BASE / "model", BASE / "output" / "data"):
        folder.mkdir(parents=True, exist_ok=True)
    arguments = [text for name, value in hyperparameters.items() for text in (f"--{name}", str(value))]
    process = subprocess.Popen(
        [sys.executable, "-u", program, *arguments],
        cwd=CODE,
        env={**os.environ, **environment(hyperparameters)},
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    signal.signal(signal.SIGTERM, lambda number, _frame: process.send_signal(number))
    last_lines: deque[str] = deque(maxlen=FAILURE_LINES)
    assert process.stderr is not None
    for line in process.stderr:
        sys.stderr.write(line)
        sys.stderr.flush()
        last_lines.append(line)
    code = process.wait()
    if code:
        ending = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"
        write_failure(f"{program} {ending}: {''.join(last_lines)}".strip())
    return 128 - code if code < 0 else code


def write_failure(reason: str) -> None:
    """Leave the reason where SageMaker looks for it."""
    folder = BASE / "output"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "failure").write_text(reason)
