"""A platform can be destroyed and deployed again, whether its stage is disposable or keeps what it holds."""

from __future__ import annotations

from demo.leftovers import leftovers
from tests.e2e.checkout import Checkout
from tests.e2e.platform import NAME, Platform

RETAINED = """\
stages:
  dev:
    account: "111122223333"
    region: us-east-1
projects:
  abalone:
    endpoint:
      instance_type: ml.m5.large
"""
ADOPTING = RETAINED.replace("us-east-1\n", "us-east-1\n    adopt: true\n")


def test_a_disposable_stage_leaves_nothing_and_starts_afresh(checkout: Checkout) -> None:
    platform = Platform(checkout)
    platform.run("cdk", "bootstrap", "aws://111122223333/us-east-1")
    platform.deploy()
    assert "There were no differences" in platform.run("cdk", "diff", "--all", "--fail")
    assert platform.answer() is None, "no endpoint before the first approval"
    for expected in ("1", "2"):
        platform.review(platform.register(), "Approved")
        platform.await_answer(expected)
    before = platform.image()
    with (checkout.folder / "modelyard" / "containers" / "tabular" / "serving.py").open("a") as file:
        file.write("# changed\n")
    platform.deploy()
    assert platform.image() != before, "a changed image is built and pinned by the pipeline"
    assert "There were no differences" in platform.run("cdk", "diff", "--all", "--fail")
    assert platform.answer() == "2"
    platform.run("cdk", "destroy", "--all", "--force")
    assert {what: found for what, found in leftovers(platform.clients).items() if found} == {}
    assert platform.processes() == []
    platform.deploy()
    assert platform.answer() is None, "approvals of a group that is gone count for nothing"
    platform.review(platform.register(), "Approved")
    platform.await_answer("1")


def test_a_retained_stage_keeps_what_it_holds_and_is_adopted(checkout: Checkout) -> None:
    platform = Platform(checkout)
    platform.write_settings(RETAINED)
    platform.run("cdk", "bootstrap", "aws://111122223333/us-east-1")
    platform.deploy()
    first, second = platform.register(), platform.register()
    for arn, answer in ((second, "2"), (first, "1")):
        platform.review(arn, "Approved")
        platform.await_answer(answer)
    refused = platform.run("cdk", "destroy", "--all", "--force", fails=True)
    assert "TerminationProtection" in refused or "termination" in refused.lower()
    for stack in ("Modelyard-dev-Foundation", "Modelyard-Images-us-east-1"):
        platform.run("aws", "cloudformation", "update-termination-protection", "--stack-name", stack,
                     "--no-enable-termination-protection")  # fmt: skip
    platform.run("cdk", "destroy", "--all", "--force")
    left = leftovers(platform.clients)
    assert left["model package groups"] == [NAME]
    assert len(left["buckets"]) == 4
    assert len(left["tables"]) == 1
    assert left["repositories"] == ["modelyard/tabular"]
    kept = ("model package groups", "buckets", "tables", "repositories")
    assert {what: found for what, found in left.items() if found and what not in kept} == {}
    assert platform.processes() == []

    platform.write_settings(ADOPTING)
    platform.deploy()
    platform.await_answer("1")
    assert "There were no differences" in platform.run("cdk", "diff", "--all", "--fail")
    platform.review(first, "Rejected")
    platform.await_answer("2")
