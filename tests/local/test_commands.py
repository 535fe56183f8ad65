"""``modelyard local …`` as a user meets it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from modelyard.local import lifecycle
from modelyard.local.instance import Instance, Paths
from modelyard.local.sagemaker.jobs.images import registered_images
from modelyard.settings import ConfigurationError, load_settings
from tests.local_aws import ROOT, LocalAws


def modelyard(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = LocalAws.command(*arguments)
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"}
    )


# arguments, the one line on stderr
MISTAKES = [
    (["local", "env"], "modelyard: the local AWS is not running; start it with `modelyard local up`"),
    (
        ["local", "up", "--account", "1234"],
        "modelyard: --account: '1234' is not an AWS account id: 12 digits",
    ),
    (
        ["local", "up", "--region", "mars"],
        "modelyard: --region: 'mars' is not an AWS region such as us-east-1",
    ),
    (["local", "down", "--project", "none"], "modelyard: --project: no such folder: none"),
    (
        ["local", "image", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/a:1", "none"],
        "modelyard: {cwd}/none is not a folder: give the folder that holds the image's Dockerfile",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = modelyard(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == message.format(cwd=tmp_path) + "\n"
    assert done.stdout == ""
    assert not (tmp_path / ".modelyard" / "server.json").exists()


def test_account_and_region_are_those_of_the_first_stage(tmp_path: Path) -> None:
    (tmp_path / "platform.yaml").write_text(
        "stages:\n"
        "  dev: {account: '000000000012', region: eu-central-1}\n"
        "  prod: {account: '999999999999', region: us-west-2}\n"
        "projects: {}\n"
    )
    assert lifecycle.target(tmp_path) == lifecycle.Target("000000000012", "eu-central-1")
    assert lifecycle.target(tmp_path, region="us-east-2") == lifecycle.Target("000000000012", "us-east-2")


def test_without_settings_there_is_a_usual_account_and_region(tmp_path: Path) -> None:
    assert lifecycle.target(tmp_path) == lifecycle.Target("000000000000", "us-east-1")


def test_wrong_settings_are_refused_as_everywhere_else(tmp_path: Path) -> None:
    file = tmp_path / "platform.yaml"
    file.write_text("stages:\n  dev: {acount: '000000000012', region: eu-central-1}\n")
    with pytest.raises(ConfigurationError) as expected:
        load_settings(file)
    done = modelyard("local", "up", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, f"modelyard: {expected.value}\n")
    assert "acount" in done.stderr


def test_a_registered_image_is_told_and_kept(tmp_path: Path) -> None:
    (tmp_path / "image").mkdir()
    uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/mine:1"
    done = modelyard("local", "image", uri, "image", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"{uri} is image.\n")
    assert registered_images(Paths(tmp_path).sagemaker) == {uri: str(tmp_path / "image")}


def test_up_twice_is_up_once(local_aws: LocalAws) -> None:
    target = ["--account", local_aws.account, "--region", local_aws.region]
    done = local_aws.modelyard("local", "up", *target)
    assert f"listens on {local_aws.url} ({local_aws.region}; already running)" in done.stdout
    assert Instance.read(local_aws.paths) == local_aws.instance


def test_up_for_another_account_is_refused(local_aws: LocalAws) -> None:
    done = local_aws.modelyard("local", "up", "--account", "999999999999", "--region", "us-east-1", check=False)
    assert done.returncode == 2
    assert done.stderr == (
        f"modelyard: it runs for account {local_aws.account} in {local_aws.region}, not 999999999999 in us-east-1: "
        "`modelyard local down` first\n"
    )


def test_status_tells_what_runs_and_what_is_in_it(local_aws: LocalAws) -> None:
    shown = local_aws.modelyard("local", "status").stdout
    for what in (local_aws.url, str(local_aws.instance.pid), f"{local_aws.account} in {local_aws.region}", "Endpoints"):
        assert what in shown


def test_status_of_nothing_is_exit_code_1(tmp_path: Path) -> None:
    done = modelyard("local", "status", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (
        1,
        "The local AWS is not running; start it with `modelyard local up`.\n",
    )


def test_down_of_nothing_is_no_error(tmp_path: Path) -> None:
    done = modelyard("local", "down", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "The local AWS was not running.\n")


def test_a_taken_port_is_left_to_its_owner(tmp_path_factory: pytest.TempPathFactory) -> None:
    aws = LocalAws(tmp_path_factory.mktemp("taken"))
    with socket.socket() as usual:
        usual.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            usual.bind(("127.0.0.1", 4566))
            usual.listen()
        except OSError:
            pass  # it is taken already, which is what is wanted
        try:
            aws.up()
            assert aws.instance.port != 4566
            assert aws.client("sts").get_caller_identity()["Account"] == aws.account
        finally:
            aws.down()


def test_the_record_of_a_process_that_is_no_more_does_not_count(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    # The process id is alive, but it is another process than the one that was recorded.
    Instance(os.getpid(), "long ago", os.getpid(), "long ago", 1, "111122223333", "eu-west-1", "k", "s").write(paths)
    assert lifecycle.running(paths) is None
    assert lifecycle.down(paths) is False


def test_reset_asks_and_forgets_everything(own_local_aws: LocalAws) -> None:
    own_local_aws.client("ssm").put_parameter(Name="/a", Value="1", Type="String")
    assert own_local_aws.modelyard("local", "reset", check=False).returncode == 1
    assert own_local_aws.instance.is_running()
    assert "down and empty" in own_local_aws.modelyard("local", "reset", "--yes").stdout
    assert not own_local_aws.paths.root.exists()
    own_local_aws.up()
    assert own_local_aws.client("ssm").describe_parameters()["Parameters"] == []


def test_the_command_line_imports_no_aws_library_to_show_its_help() -> None:
    program = (
        "import sys; sys.argv = ['modelyard', 'local', '--help']\n"
        "from modelyard.cli import main\n"
        "try: main()\n"
        "except SystemExit: print(sorted({'boto3', 'botocore', 'ministack', 'aws_cdk'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
