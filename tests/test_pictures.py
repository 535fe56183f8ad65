"""The pictures of the documentation are drawn from their sources."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"


@pytest.mark.parametrize("source", sorted(PICTURES.glob("*.dot")), ids=lambda path: path.name)
def test_a_picture_is_what_its_source_draws(source: Path, tmp_path: Path) -> None:
    subprocess.run(["node", str(PICTURES / "draw.mjs"), str(tmp_path)], check=True)
    drawn = (tmp_path / source.name).with_suffix(".svg").read_text()
    assert source.with_suffix(".svg").read_text() == drawn, "run `make pictures`"
