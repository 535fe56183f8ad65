"""The reference app with updates all at once: `python -m benchmarks.plain_app`, in the place of `app.py`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.local import ACCOUNT, REGION, ROOT
from modelyard.cdk_app import create_app
from modelyard.settings import load_settings
from modelyard.stacks import add_platform

SETTINGS = f"""\
stages:
  dev:
    account: "{ACCOUNT}"
    region: {REGION}
    disposable: true
projects:
  abalone:
    endpoint:
      instance_type: ml.m5.large
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder, "platform.yaml")
        settings.write_text(SETTINGS)
        app = create_app(ROOT)
        add_platform(app, load_settings(settings))
    app.synth()


if __name__ == "__main__":
    main()
