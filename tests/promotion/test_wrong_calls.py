"""What the caller got wrong: one line on stderr, exit code 2, and nothing is registered."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.lambdas.delivery.stages import Stage
from tests.local_aws import LocalAws
from tests.promotion.conftest import settings

WRONG_CALLS = YAML(typ="safe").load(Path(__file__).with_name("wrong_calls.yaml"))


@pytest.fixture(scope="module")
def stages(local_aws: LocalAws, digest: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, Stage]]:
    source, target = Stage(local_aws, "dev"), Stage(local_aws, "stg")
    source.register()
    source.register("PendingManualApproval")
    for name in ("oyster", "whelk"):
        source.project(name)
    target.project("whelk")
    yield source, target


@pytest.mark.parametrize("case", WRONG_CALLS, ids=lambda case: case["kind"].replace(" ", "-"))
def test_a_wrong_call_gives_its_one_line_and_registers_nothing(
    case: dict[str, Any], stages: tuple[Stage, Stage], tmp_path: Path
) -> None:
    source, target = stages
    aws, place = source.aws, (source.aws.account, source.aws.region)
    more = {"other": ("444455556666", aws.region), "empty": place} if case.get("settings") == "accounts" else {}
    listed = {source.name: place, **more} if more else {source.name: place, target.name: place}
    if case.get("settings") != "none":
        (tmp_path / "platform.yaml").write_text(settings(**listed))

    def filled(text: str) -> str:
        return text.replace("{dev}", source.name).replace("{stg}", target.name)

    call = shlex.split(filled(case["call"]))
    done = aws.run(sys.executable, "-m", "modelyard", *call, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"modelyard: {filled(case['error'])}\n")
    assert target.versions() == []
