"""The keys of what starts a project's pipeline on new data."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelyard.settings import Project, SettingsError, load_settings

STAGE = 'stages:\n  dev: {account: "111122223333", region: us-east-1}\n'


def project(folder: Path, text: str) -> Project:
    """The project of a file."""
    (folder / "platform.yaml").write_text(f"{STAGE}projects:\n  asr:\n{text}")
    return load_settings(folder / "platform.yaml").projects[0]


def test_by_default_new_data_starts_nothing(tmp_path: Path) -> None:
    assert project(tmp_path, "    pipeline: asr\n").data_trigger is None


def test_the_data_of_a_project_is_below_its_name_and_a_minute_is_quiet_enough(tmp_path: Path) -> None:
    made = project(tmp_path, "    data_trigger: {}\n")
    assert made.data_trigger
    assert (made.data_prefix, made.data_trigger.quiet_seconds) == ("asr/", 60)


def test_both_can_be_said(tmp_path: Path) -> None:
    made = project(tmp_path, "    data_trigger: {prefix: speech/de/, quiet_seconds: 900}\n")
    assert made.data_trigger
    assert (made.data_prefix, made.data_trigger.quiet_seconds) == ("speech/de/", 900)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("{quiet_seconds: 901}", "quiet_seconds: received 901; allowed: 0 to 900"),
        ("{quiet_seconds: -1}", "quiet_seconds: received -1; allowed: 0 to 900"),
        ("{quiet_seconds: 1.5}", "quiet_seconds: received 1.5; allowed: 0 to 900"),
        ("{prefix: /asr/}", "prefix: received /asr/; allowed: the beginning of keys in the data bucket"),
        ("{prefix: s3://bucket/asr/}", "prefix: received s3://bucket/asr/; allowed: the beginning of keys"),
        ("{prefix: 'asr/*.wav'}", 'prefix: received "asr/*.wav"; allowed: the beginning of keys'),
        ("{prefix: ''}", 'prefix: received ""; allowed: the beginning of keys'),
        ("{quiet: 5}", "data_trigger.quiet: unknown key, received 5; allowed: prefix, quiet_seconds"),
        ("true", "data_trigger: received true; allowed: prefix, quiet_seconds"),
    ],
)
def test_a_wrong_key_is_told_with_what_is_allowed(tmp_path: Path, keys: str, told: str) -> None:
    with pytest.raises(SettingsError, match="line 5") as caught:
        project(tmp_path, f"    data_trigger: {keys}\n")
    assert told in str(caught.value)
