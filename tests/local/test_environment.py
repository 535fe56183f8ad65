"""The environment that `modelyard local env` prints, in the hands of unmodified clients."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from modelyard.local import environment
from modelyard.local.instance import Instance, Paths
from tests.local_aws import LocalAws

INSTANCE = Instance(1, "0", 2, "0", 4567, "111122223333", "eu-west-1", "LKIA", "it's $SECRET")


def test_the_exports_survive_a_shell(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "a folder; with 'quotes'")
    script = f"{environment.exports(INSTANCE, paths)}\n{shlex.join([sys.executable, '-c', SHOW])}"
    inherited = {**os.environ, "AWS_PROFILE": "mine", "AWS_SESSION_TOKEN": "old"}
    shown = subprocess.run(["sh", "-eu"], input=script, capture_output=True, text=True, env=inherited, check=True)
    seen = json.loads(shown.stdout)
    wanted = environment.variables(INSTANCE, paths)
    assert {name: seen[name] for name in wanted} == wanted
    assert seen["AWS_SECRET_ACCESS_KEY"] == "it's $SECRET"
    assert not set(environment.UNSET) & set(seen)


SHOW = "import json, os; print(json.dumps(dict(os.environ)))"


def test_service_endpoints_of_the_user_are_unset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.example")
    assert "AWS_ENDPOINT_URL_S3" in environment.exports(INSTANCE, Paths(tmp_path)).splitlines()[0]
    assert "AWS_ENDPOINT_URL_S3" not in environment.apply(INSTANCE, Paths(tmp_path), dict(os.environ))


def test_the_printed_environment_is_the_one_of_the_running_instance(local_aws: LocalAws) -> None:
    variables = json.loads(local_aws.modelyard("local", "env", "--json").stdout)
    assert variables == environment.variables(local_aws.instance, local_aws.paths)
    assert local_aws.modelyard("local", "env").stdout.strip() == environment.exports(
        local_aws.instance, local_aws.paths
    )


def test_the_record_with_the_keys_is_readable_by_its_user_only(local_aws: LocalAws) -> None:
    assert local_aws.paths.record.stat().st_mode & 0o777 == 0o600
    assert local_aws.paths.root.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("sts get-caller-identity --query Account --output text", "111122223333"),
        ("s3api list-buckets --query Buckets[].Name --output text", "sagemaker-eu-west-1-111122223333"),
        ("sagemaker list-endpoints --name-contains none --query length(Endpoints)", "0"),
        ("ssm describe-parameters --query length(Parameters[?Name=='none'])", "0"),
    ],
)
def test_the_aws_command_talks_to_it(local_aws: LocalAws, command: str, answer: str) -> None:
    assert answer in local_aws.run("aws", *command.split()).stdout


def test_the_sagemaker_sdk_finds_its_default_bucket(local_aws: LocalAws) -> None:
    program = """
from sagemaker.core.helper.session_helper import Session
session = Session()
print(session.default_bucket(), session.upload_string_as_file_body("hello", session.default_bucket(), "sdk/hello"))
"""
    done = local_aws.run(sys.executable, "-c", program)
    bucket = f"sagemaker-{local_aws.region}-{local_aws.account}"
    assert done.stdout.split()[-2:] == [bucket, f"s3://{bucket}/sdk/hello"]
    assert local_aws.client("s3").get_object(Bucket=bucket, Key="sdk/hello")["Body"].read() == b"hello"
