"""The app in `app/` is the one of docs/constructs.md, whose commands tests/wheel runs."""

from __future__ import annotations

import re
from pathlib import Path

from tests.synthesis import ROOT

APP = Path(__file__).parent / "app"
PAGE = (ROOT / "docs" / "constructs.md").read_text()


def test_the_page_shows_the_app() -> None:
    assert re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0] == (APP / "app.py").read_text()
    assert len((APP / "app.py").read_text().partition("app = ")[2].splitlines()) < 10
