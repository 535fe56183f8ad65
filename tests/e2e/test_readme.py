"""The guide of the README does what it says, pasted into one shell, and the runbook can look at the result."""

from __future__ import annotations

import re

from modelyard.settings import load_settings
from tests.e2e.checkout import ROOT, Checkout

README = (ROOT / "README.md").read_text()
GUIDE = README[README.index("## Guide") : README.index("## On AWS")]
RUNBOOK = (ROOT / "docs/runbook.md").read_text()


def blocks(language: str, page: str = GUIDE) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)


def test_the_guide_and_the_runbook_run_as_they_stand(checkout: Checkout) -> None:
    before, destroy, after = GUIDE.partition("### 10. Destroy")
    commands = [*blocks("bash", before), *blocks("bash", RUNBOOK), *blocks("bash", destroy + after)]
    script = "set -euo pipefail\n" + "".join(f"echo '== {index}'\n{block}" for index, block in enumerate(commands))
    done = checkout.run("bash", "-c", script)
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    prediction = (checkout.folder / "answer.csv").read_text()
    assert 3 < float(prediction) < 25, "an abalone's rings"
    assert "There were no differences" in done.stdout + done.stderr
    assert checkout.run("modelyard", "local", "status").returncode == 1, "the guide leaves nothing running"


def test_the_platform_file_of_the_guide_is_the_reference_apps(checkout: Checkout) -> None:
    (shown,) = blocks("yaml")
    (checkout.folder / "shown.yaml").write_text(shown)
    assert load_settings(checkout.folder / "shown.yaml") == load_settings(ROOT / "platform.yaml")
