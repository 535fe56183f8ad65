"""The training keys of a project."""

from pathlib import Path

import pytest

from modelyard.settings import Project, SettingsError, load_settings

STAGE = 'stages:\n  dev: {account: "111122223333", region: us-east-1}\n'


def project(folder: Path, text: str) -> Project:
    """The project of a file."""
    (folder / "platform.yaml").write_text(f"{STAGE}projects:\n  asr:\n{text}")
    return load_settings(folder / "platform.yaml").projects[0]


def test_an_instance_type_is_the_default_of_the_pipelines_parameter(tmp_path: Path) -> None:
    made = project(tmp_path, "    parameters: {Epochs: 3}\n    training: {instance_type: ml.g5.xlarge}\n")
    assert made.pipeline_parameters == {"Epochs": 3, "TrainingInstanceType": "ml.g5.xlarge"}
    assert made.accelerated


def test_by_default_training_is_the_pipelines_own_affair_and_not_on_spot_capacity(tmp_path: Path) -> None:
    made = project(tmp_path, "    pipeline: asr\n")
    assert (made.pipeline_parameters, made.training.spot, made.accelerated) == ({}, False, False)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("{spot: maybe}", "received maybe; allowed: true or false"),
        ("{instance_type: g5}", "received g5; allowed: an instance type, such as ml.g5.xlarge"),
        ("{instances: 2}", "training.instances"),
    ],
)
def test_a_wrong_key_is_told_with_what_is_allowed(tmp_path: Path, keys: str, told: str) -> None:
    with pytest.raises(SettingsError, match="line 5") as caught:
        project(tmp_path, f"    training: {keys}\n")
    assert told in str(caught.value)
