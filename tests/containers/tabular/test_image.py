"""The image's requirements."""

import re

from tests.tabular import IMAGE


def test_every_requirement_is_pinned_exactly() -> None:
    lines = (IMAGE.folder / "requirements.txt").read_text().splitlines()
    assert lines
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+( ; .+)?", line) for line in lines)
