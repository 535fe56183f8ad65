"""What the caller got wrong: one line on stderr, exit code 2, and nothing is changed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.approvals.desk import Desk
from tests.local_aws import LocalAws

WRONG_CALLS = YAML(typ="safe").load(Path(__file__).with_name("wrong_calls.yaml"))
SECOND_STAGE = """\
  prod:
    account: "444455556666"
    region: eu-west-1
"""


@pytest.fixture(scope="session")
def wrong(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The stage that the table speaks of, and folders with other settings."""
    desk = Desk(local_aws, "wrong", tmp_path_factory.mktemp("wrong"))
    for _ in range(4):
        desk.abalone.register()
    desk.review(1, "Approved")
    desk.review(3, "Rejected")
    desk.project("whelk")
    settings = (desk.folder / "platform.yaml").read_text()
    for name in ("none", "two.yaml"):
        (desk.folder / name).mkdir()
    (desk.folder / "two.yaml/platform.yaml").write_text(settings + SECOND_STAGE)
    yield desk
    desk.stage.close()


@pytest.mark.parametrize("case", WRONG_CALLS, ids=lambda case: case["kind"].replace(" ", "-"))
def test_a_wrong_call_gives_its_one_line_and_changes_nothing(case: dict[str, Any], wrong: Desk) -> None:
    before = wrong.abalone.records(), wrong.abalone.versions()
    unset = [f"--unset={name}" for name in case.get("unset", [])]
    done = wrong.aws.run(
        "env",
        *unset,
        *wrong.command(*shlex.split(case["call"])),
        cwd=wrong.folder / case.get("settings", ""),
        env=case.get("environment", {}),
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"modelyard: {case['error']}\n")
    assert (wrong.abalone.records(), wrong.abalone.versions()) == before


def test_a_hold_on_a_held_endpoint_tells_since_when_and_why(wrong: Desk) -> None:
    whelk = f"modelyard-{wrong.name}-whelk"
    held = wrong.stage.runtime.ledger.hold(whelk, at=wrong.stage.runtime.now(), by="somebody", reason="fair week")
    done = wrong.call("hold", "whelk", "--reason", "again")
    assert done.returncode == 2
    told = f"endpoint {whelk} is already held since {held.at} (fair week): release it first"
    assert done.stderr == f"modelyard: {told}\n"


def test_a_reason_that_sagemaker_would_not_take_tells_how_long_it_may_be(wrong: Desk) -> None:
    done = wrong.call("reject", "abalone", "2", "--reason", "x" * 1024)
    taken = 1024 - len(f"Rejected by arn:aws:iam::{wrong.aws.account}:root: ")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"modelyard: --reason: 1024 characters; SageMaker takes {taken} here; shorten it\n"


def test_a_version_whose_registration_failed_cannot_be_approved(wrong: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from modelyard.approvals import reviews
    from modelyard.approvals.connection import Connection
    from modelyard.approvals.endpoint import ProjectEndpoint
    from modelyard.approvals.errors import ApprovalError
    from modelyard.approvals.place import Place

    for name, value in wrong.aws.env.items():
        monkeypatch.setenv(name, value)
    endpoint = ProjectEndpoint.find(Connection(Place(wrong.name)), "abalone")
    sagemaker = endpoint.connection.client("sagemaker")
    sagemaker.meta.events.register("after-call.sagemaker.ListModelPackages", _registered_in_vain)
    with pytest.raises(ApprovalError) as caught:
        reviews.approve(endpoint, "2")
    told = "version 2 of abalone cannot be approved: its registration is Failed; approve a Completed one"
    assert str(caught.value) == told


def _registered_in_vain(parsed: dict[str, Any], **_: Any) -> None:
    """The local registry completes every registration."""
    for item in parsed["ModelPackageSummaryList"]:
        item["ModelPackageStatus"] = "Failed"
