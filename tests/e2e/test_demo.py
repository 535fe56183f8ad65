"""`make demo` does what it promises, and leaves nothing."""

from __future__ import annotations

import subprocess

from tests.e2e.checkout import Checkout

# In their order; the words of the refusal are the pipeline's own.
TOLD = (
    "Start a local AWS",
    "Modelyard-dev-Serving",
    "4,177 rows",
    "rmse",
    "PendingManualApproval",
    "version 1 serves",
    "predicted rings",
    "version 2 serves",
    "version 1 serves",
    "is above the threshold 0.5",
    "Left behind",
    "Seconds",
)


def test_make_demo_goes_round_the_loop_and_leaves_no_process(checkout: Checkout) -> None:
    done = checkout.run("make", "demo", env={"COLUMNS": "200"})
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    rest = done.stdout
    for words in TOLD:
        assert words in rest, f"{words!r} is not told, or too early:\n{done.stdout}"
        rest = rest.partition(words)[2]
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert [line for line in listed.stdout.splitlines() if str(checkout.folder) in line] == []
