"""`make demo-delivery` does what it promises, and leaves nothing; here with few tests for each of its commits."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.e2e.checkout import Checkout

# In their order, as regular expressions.
TOLD = (
    r"Deploy the pipeline",
    r"Test Verdict Succeeded: passed",
    r"Assets Assets Succeeded",
    r"Images ImagesUsEast1.Deploy Succeeded: Stack Modelyard-Images-us-east-1 was created",
    r"Deploy-dev Train Succeeded: abalone: version 1 registered, rmse 2\.\d+",
    r"Deploy-staging Gate InProgress",
    r"CustomData: abalone version 1: rmse 2",
    r"Foundation: new, \d+ resources",
    r"aws codepipeline put-approval-result",
    r"Deploy-staging Promote Succeeded",
    r"Deploy-staging SmokeTest Succeeded",
    r"Deploy-production SmokeTest Succeeded",
    r"│ dev +│ \d+ │ 1 +│ ([0-9a-f]{12}) +│ (sha256:\S+) ",
    r"the execution Failed: failed: tests/settings/test_loader\.py::test_",
    r"built: \S+/modelyard/rings:[0-9a-f]{16}\n",
    r"Left behind",
    r"Seconds",
)


@pytest.mark.timeout(1500)
def test_a_commit_goes_to_production_and_a_broken_one_to_its_failing_test(checkout: Checkout) -> None:
    done = checkout.run("make", "demo-delivery", env={"COLUMNS": "200", "QUICK": "1"}, timeout=1400)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-4000:]
    rest = done.stdout
    for words in TOLD:
        found = re.search(words, rest)
        assert found, f"{words!r} is not told, or too early:\n{done.stdout}"
        rest = rest[found.end() :]
    row = r"│ (dev|staging|production) +│ \d+ │ 1 +│ ([0-9a-f]{12}) +│ (sha256:\S+) +│ (\S+) "
    served = re.findall(row, done.stdout)
    assert [stage for stage, *_ in served] == ["dev", "staging", "production"]
    assert len({tuple(rest) for _, *rest in served}) == 1, "one model, one image, one answer"
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert [line for line in listed.stdout.splitlines() if str(checkout.folder) in line] == []
