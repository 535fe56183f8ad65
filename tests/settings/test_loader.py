"""Reading `platform.yaml`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from modelyard.settings import Network, SettingsError, Stage, load_settings

ROOT = Path(__file__).parents[2]
TABLES = ("wrong_files.yaml", "wrong_rollouts.yaml", "wrong_endpoints.yaml", "wrong_deliveries.yaml")
WRONG = [wrong for table in TABLES for wrong in YAML(typ="safe").load(Path(__file__).with_name(table))]
STAGE = """\
stages:
  dev:
    account: "111122223333"
    region: us-east-1
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_stage_without_a_file_may_have_no_reserved_name_either() -> None:
    with pytest.raises(ValueError, match="received images, which the platform uses itself; choose another"):
        Stage(name="images", account="111122223333", region="us-east-1")


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong["kind"].replace(" ", "-"))
def test_a_wrong_file_gives_its_one_message(wrong: dict[str, str], folder: Path) -> None:
    file = Path("platform.yaml")
    file.write_text(wrong["file"].replace("<stage dev>\n", STAGE))
    with pytest.raises(SettingsError) as caught:
        load_settings(file)
    assert str(caught.value) == wrong["error"]


def test_a_missing_file_says_what_to_do(folder: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(Path("platform.yaml"))
    assert str(caught.value) == (
        "platform.yaml: no such file; write one (docs/settings.md) or run in the folder of one"
    )


def test_a_file_that_is_not_utf8_is_refused(folder: Path) -> None:
    Path("platform.yaml").write_bytes(b"stages: \xff\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(Path("platform.yaml"))
    assert str(caught.value) == (
        "platform.yaml: cannot be read: 'utf-8' codec can't decode byte 0xff in position 8: invalid start byte"
    )


def test_every_key_is_read(folder: Path) -> None:
    Path("platform.yaml").write_text(
        """
stages:
  dev: {account: "111122223333", region: us-east-1, disposable: true}
  prod:
    account: "444455556666"
    region: eu-central-1
    adopt: true
    network:
      subnet_ids: [subnet-0a1b2c3d, subnet-1a1b2c3d]
      security_group_ids: [sg-0a1b2c3d]
      isolation: true
    permissions_boundary: arn:aws:iam::444455556666:policy/team/Boundary
    notification_emails: [ops@example.com]
projects:
  abalone: {}
  abalone-eu:
    pipeline: abalone
    stages: [prod]
    parameters: {RmseThreshold: 2.5, Rounds: 40, Fast: false, Note: "x"}
    schedule: cron(0 6 ? * MON *)
    endpoint:
      instance_type: ml.x9.large
      local_storage: true
      instance_count: 2
      environment: {WORKERS: "2"}
"""
    )
    settings = load_settings(Path("platform.yaml"))
    dev, prod = settings.stages
    assert (dev.name, dev.account, dev.region, dev.disposable, dev.adopt) == (
        "dev", "111122223333", "us-east-1", True, False,
    )  # fmt: skip
    assert prod.network == Network(
        subnet_ids=("subnet-0a1b2c3d", "subnet-1a1b2c3d"), security_group_ids=("sg-0a1b2c3d",), isolation=True
    )
    assert prod.permissions_boundary == "arn:aws:iam::444455556666:policy/team/Boundary"
    assert prod.notification_emails == ("ops@example.com",)
    assert prod.adopt
    assert [project.name for project in settings.projects_of(dev)] == ["abalone"]
    everywhere, european = settings.projects_of(prod)
    assert (everywhere.pipeline_folder, everywhere.endpoint, everywhere.schedule) == ("abalone", None, None)
    assert european.pipeline_folder == "abalone"
    assert european.parameters == {"RmseThreshold": 2.5, "Rounds": 40, "Fast": False, "Note": "x"}
    assert european.schedule == "cron(0 6 ? * MON *)"
    assert european.endpoint is not None
    assert not european.endpoint.instance().takes_volume_key
    assert european.endpoint.instance_count == 2
    assert european.endpoint.environment == {"WORKERS": "2"}


def test_the_app_ends_with_status_2_and_only_the_message(tmp_path: Path) -> None:
    for name in ("app.py", "cdk.json"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "platform.yaml").write_text(STAGE + "projects:\n  abalone:\n    rollout: canary\n")
    run = subprocess.run(
        [sys.executable, "app.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr == (
        f"{tmp_path / 'platform.yaml'}, line 7: projects.abalone.rollout: unknown key, received canary; "
        "allowed: pipeline, stages, parameters, schedule, data_trigger, training, endpoint\n"
    )
