"""The reference app as the CDK command line starts it: with the context in a variable."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.synthesis import ROOT, Templates


def _synthesise(platform: str, outdir: Path) -> subprocess.CompletedProcess[str]:
    context = json.dumps({"platform": platform})
    env = {**os.environ, "CDK_CONTEXT_JSON": context, "CDK_OUTDIR": str(outdir), "CDK_VALIDATION": "false"}
    return subprocess.run([sys.executable, ROOT / "app.py"], env=env, capture_output=True, text=True, check=False)


def test_another_platform_file_is_a_context_value(tmp_path: Path) -> None:
    done = _synthesise("demo/asr.yaml", tmp_path)
    assert done.returncode == 0, done.stderr
    stacks = {name.rpartition("-")[2] for name in Templates(tmp_path).stacks()}
    assert {"Asr", "Foundation", "Serving"} <= stacks
    assert "Abalone" not in stacks


def test_a_platform_file_that_is_not_there_is_told_in_a_line(tmp_path: Path) -> None:
    done = _synthesise("nowhere.yaml", tmp_path)
    assert done.returncode == 2
    assert "nowhere.yaml" in done.stderr.splitlines()[-1]
