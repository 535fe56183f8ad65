"""Script mode, held by scripts of a few lines."""

import io
import json
import os
import signal
import subprocess
import tarfile
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.local_aws import LocalAws
from tests.tabular import IMAGE

TELL = """
import json, os, sys
known = {name: value for name, value in os.environ.items() if name.startswith("SM_")}
print(json.dumps({"arguments": sys.argv[1:], "cwd": os.getcwd(), "environment": known}))
"""


def job(
    base: Path, script: str | None, hyperparameters: dict[str, Any] | None = None, submit_directory: str | None = None
) -> Path:
    """A /opt/ml as SageMaker makes it; the channel `code` brings the script as a tar.gz."""
    config, code = base / "input" / "config", base / "input" / "data" / "code"
    config.mkdir(parents=True)
    code.mkdir(parents=True)
    if script is not None:
        (code / "0123abcd.tar.gz").write_bytes(archive({"job.py": script}))
    given = {
        "sagemaker_program": "job.py",
        "sagemaker_submit_directory": submit_directory or str(code),
        **(hyperparameters or {}),
    }
    (config / "hyperparameters.json").write_text(json.dumps({name: value for name, value in given.items() if value}))
    (config / "inputdataconfig.json").write_text(json.dumps({"code": {}, "train": {}}))
    resources = {"current_host": "algo-2", "current_instance_type": "ml.m5.large", "hosts": ["algo-1", "algo-2"]}
    (config / "resourceconfig.json").write_text(json.dumps(resources))
    return base


def archive(files: dict[str, str]) -> bytes:
    """A tar.gz."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return content.getvalue()


def train(base: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the job."""
    return IMAGE.run(["train"], SAGEMAKER_BASE_DIR=str(base), **variables)


def failure(base: Path) -> str:
    """What the job says of its failure."""
    return (base / "output" / "failure").read_text()


def test_a_script_gets_its_hyperparameters_as_arguments_and_the_rest_in_sm_variables(tmp_path: Path) -> None:
    done = train(job(tmp_path, TELL, {"max_depth": "5", "name": '"a b"', "sagemaker_region": "eu-west-1"}))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    environment = told["environment"]
    cpus = environment.pop("SM_NUM_CPUS")
    assert cpus == str(os.cpu_count())
    assert told["arguments"] == ["--max_depth", "5", "--name", "a b"]
    assert told["cwd"] == str(tmp_path / "code")
    assert environment == {
        "SM_MODEL_DIR": f"{tmp_path}/model",
        "SM_OUTPUT_DIR": f"{tmp_path}/output",
        "SM_OUTPUT_DATA_DIR": f"{tmp_path}/output/data",
        "SM_INPUT_DIR": f"{tmp_path}/input",
        "SM_INPUT_CONFIG_DIR": f"{tmp_path}/input/config",
        "SM_CHANNELS": '["code", "train"]',
        "SM_CHANNEL_CODE": f"{tmp_path}/input/data/code",
        "SM_CHANNEL_TRAIN": f"{tmp_path}/input/data/train",
        "SM_HPS": '{"max_depth": "5", "name": "a b"}',
        "SM_HP_MAX_DEPTH": "5",
        "SM_HP_NAME": "a b",
        "SM_HOSTS": '["algo-1", "algo-2"]',
        "SM_CURRENT_HOST": "algo-2",
        "SM_CURRENT_INSTANCE_TYPE": "ml.m5.large",
    }
    assert not (tmp_path / "output" / "failure").exists()


def test_a_failed_script_gives_its_exit_code_and_its_last_lines(tmp_path: Path) -> None:
    script = "import sys\nfor n in range(30):\n    print('line', n, file=sys.stderr)\nsys.exit(7)\n"
    done = train(job(tmp_path, script))
    assert done.returncode == 7
    assert done.stderr == "".join(f"line {n}\n" for n in range(30))
    assert failure(tmp_path) == "job.py exited with code 7: " + "\n".join(f"line {n}" for n in range(10, 30))


def test_a_script_that_a_signal_ends_says_which(tmp_path: Path) -> None:
    done = train(job(tmp_path, "import os\nos.kill(os.getpid(), 9)\n"))
    assert done.returncode == 128 + 9
    assert failure(tmp_path) == "job.py was ended by SIGKILL:"


def test_a_stopped_job_lets_its_script_save_what_it_has(tmp_path: Path) -> None:
    script = """
import pathlib, signal, sys, time
def save(*_):
    pathlib.Path("saved").touch()
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
pathlib.Path("begun").touch()
time.sleep(100)
"""
    base = job(tmp_path, script)
    process = subprocess.Popen(["train"], env={**IMAGE.variables, "SAGEMAKER_BASE_DIR": str(base)})
    try:
        while not (base / "code" / "begun").exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
    assert (base / "code" / "saved").exists()


def test_the_source_may_be_a_folder_with_the_files_themselves(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "job.py").write_text("print('from a folder')")
    done = train(job(tmp_path / "ml", None, submit_directory=str(tmp_path / "source")))
    assert (done.returncode, done.stdout) == (0, "from a folder\n")


@pytest.mark.parametrize("form", ["an archive", "a prefix"])
def test_the_source_may_be_in_s3(tmp_path: Path, local_aws: LocalAws, form: str) -> None:
    bucket = f"train-{uuid.uuid4().hex[:12]}"
    s3 = local_aws.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": local_aws.region})
    if form == "an archive":
        s3.put_object(Bucket=bucket, Key="code/1/sourcedir.tar.gz", Body=archive({"job.py": "print('from s3')"}))
        uri = f"s3://{bucket}/code/1/sourcedir.tar.gz"
    else:
        s3.put_object(Bucket=bucket, Key="code/1/job.py", Body=b"from helper.words import said; print(said)")
        s3.put_object(Bucket=bucket, Key="code/1/helper/words.py", Body=b"said = 'from s3'")
        s3.put_object(Bucket=bucket, Key="code/10/job.py", Body=b"print('another')")
        uri = f"s3://{bucket}/code/1"
    aws = {name: value for name, value in local_aws.env.items() if name.startswith("AWS_")}
    done = train(job(tmp_path, None, submit_directory=uri), **aws)
    assert (done.returncode, done.stdout) == (0, "from s3\n"), done.stderr


@pytest.mark.parametrize(
    ("hyperparameters", "files", "reason"),
    [
        (
            {"sagemaker_program": ""},
            {},
            "hyperparameters sagemaker_program and sagemaker_submit_directory must both be given",
        ),
        (
            {"sagemaker_submit_directory": "/nowhere"},
            {},
            "sagemaker_submit_directory: /nowhere does not exist",
        ),
        (
            {"sagemaker_program": "other.py"},
            {"job.py": "pass", "words.txt": ""},
            "sagemaker_program: no other.py in the source, which holds job.py, words.txt",
        ),
        (
            {},
            {"job.py": "pass", "requirements.txt": "numpy"},
            "the source holds a requirements.txt; a job installs nothing: add the packages to the image",
        ),
        (
            {},
            {"broken.tar.gz": "no archive"},
            "sagemaker_submit_directory: broken.tar.gz is no tar.gz archive: not a gzip file",
        ),
    ],
)
def test_a_job_that_cannot_start_says_why(
    tmp_path: Path, hyperparameters: dict[str, str], files: dict[str, str], reason: str
) -> None:
    base = job(tmp_path, None, hyperparameters)
    code = base / "input" / "data" / "code"
    for name, text in files.items():
        (code / name).write_text(text)
    done = train(base)
    assert (done.returncode, done.stderr, done.stdout) == (1, f"{reason.format(code=code)}\n", "")
    assert failure(base) == reason.format(code=code)
