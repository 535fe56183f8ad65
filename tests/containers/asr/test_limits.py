"""How much is transcribed at once: by default, by the model and by the environment."""

import json
from pathlib import Path

import pytest

from tests.containers.asr.image import module

limits = module("limits")
Limits = limits.Limits


def test_the_environment_comes_before_the_model_and_both_before_the_defaults(tmp_path: Path) -> None:
    assert Limits.of(tmp_path, {}) == Limits(max_seconds=16.7, max_batch=16, wait_ms=10, max_waiting=512)
    (tmp_path / "serving.json").write_text(json.dumps({"sample_rate": 16_000, "max_duration": 20}))
    assert Limits.of(tmp_path, {}) == Limits(max_seconds=20, max_batch=16, wait_ms=10, max_waiting=512)
    told = {"ASR_MAX_SECONDS": "5.5", "ASR_MAX_BATCH": "4", "ASR_BATCH_WAIT_MS": "2.5"}
    assert Limits.of(tmp_path, told) == Limits(max_seconds=5.5, max_batch=4, wait_ms=2.5, max_waiting=128)
    told["ASR_MAX_WAITING"] = "9"
    assert Limits.of(tmp_path, told).max_waiting == 9


@pytest.mark.parametrize(
    ("variables", "description", "reason"),
    [
        ({"ASR_MAX_SECONDS": "long"}, "{}", "ASR_MAX_SECONDS is 'long'; give a positive number"),
        ({"ASR_MAX_SECONDS": "inf"}, "{}", "ASR_MAX_SECONDS is 'inf'; give a positive number"),
        ({"ASR_MAX_SECONDS": "nan"}, "{}", "ASR_MAX_SECONDS is 'nan'; give a positive number"),
        ({"ASR_MAX_BATCH": "1.5"}, "{}", "ASR_MAX_BATCH is '1.5'; give a positive whole number"),
        ({"ASR_MAX_BATCH": "0"}, "{}", "ASR_MAX_BATCH is '0'; give a positive whole number"),
        ({"ASR_MAX_WAITING": "0.5"}, "{}", "ASR_MAX_WAITING is '0.5'; give a positive whole number"),
        ({"ASR_BATCH_WAIT_MS": "-1"}, "{}", "ASR_BATCH_WAIT_MS is '-1'; give a positive number"),
        ({}, '{"max_duration": null}', "ASR_MAX_SECONDS is None; give a positive number"),
        ({}, "[]", "{folder}/serving.json must hold a JSON object, and holds []"),
        ({}, "{", "{folder}/serving.json is not JSON: "),
    ],
)
def test_what_is_no_limit_is_named(tmp_path: Path, variables: dict[str, str], description: str, reason: str) -> None:
    (tmp_path / "serving.json").write_text(description)
    with pytest.raises(ValueError) as refusal:
        Limits.of(tmp_path, variables)
    assert str(refusal.value).startswith(reason.replace("{folder}", str(tmp_path)))
