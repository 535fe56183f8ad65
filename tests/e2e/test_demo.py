"""`make demo` does what it promises, and leaves nothing."""

from __future__ import annotations

import re
import subprocess

from tests.e2e.checkout import Checkout

# In their order, as regular expressions. The words of the refusal are the pipeline's own, those of the roll back the
# deployed approval hook's.
TOLD = (
    r"Start a local AWS",
    r"Modelyard-dev-Serving",
    r"4,177 rows",
    r"rmse",
    r"PendingManualApproval",
    r"version 1 serves",
    r"predicted rings",
    r"modelyard approve abalone 2",
    r"Baking for 240 seconds \(WaitIntervalInSeconds\) with traffic enabled on canary capacity of 1 instance\(s\)",
    r"Baking for 120 seconds \(TerminationWaitInSeconds\) with traffic enabled on full capacity of 2 instance\(s\)",
    r"Who answered: \d+ requests, 0 errors of the model, 0 failed otherwise",
    r"│ 1 .* │ [1-9]\d* +│ 0 ",
    r"│ 2 .* │ [1-9]\d* +│ 0 ",
    r"version 2 serves",
    r"modelyard approve abalone 3",
    r"traffic enabled on canary capacity of 1 instance\(s\)",
    r"version 3 does not serve: rolled back: alarm modelyard-dev-abalone-[0-9a-f]{16}-5xx: "
    r"Invocation5XXErrors was [01](\.\d+)?, above 0\.05",
    r"Who answered: \d+ requests, [1-9]\d* errors of the model, 0 failed otherwise",
    r"│ 2 .* │ [1-9]\d* +│ 0 ",
    r"│ 3 .* │ [1-9]\d* +│ [1-9]",
    r"version 2 serves",
    r"modelyard reject abalone 2",
    r"Who answered: \d+ requests, 0 errors of the model, 0 failed otherwise",
    r"version 1 serves",
    r"modelyard history abalone",
    r"\d  1 +succeeded ",
    r"\d  2 +succeeded ",
    r"\d  3 +failed .* rolled back: alarm modelyard-dev-abalone-[0-9a-f]{16}-5xx: Invocation5XXErrors was [01]",
    r"\d  1 +succeeded ",
    r"is above the threshold 0\.5",
    r"Left behind",
    r"Seconds",
)


def test_make_demo_goes_round_the_loop_and_leaves_no_process(checkout: Checkout) -> None:
    done = checkout.run("make", "demo", env={"COLUMNS": "200"})
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    rest = done.stdout
    for words in TOLD:
        found = re.search(words, rest)
        assert found, f"{words!r} is not told, or too early:\n{done.stdout}"
        rest = rest[found.end() :]
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert [line for line in listed.stdout.splitlines() if str(checkout.folder) in line] == []
