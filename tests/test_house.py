"""Rules that every file keeps."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
MOST_LINES = 400
APP_LINES = 50
# Written by programs.
WRITTEN_ELSEWHERE = (
    *("tests/stacks/__snapshots__/", "tests/policies/delivery_calls.json"),
    *("package-lock.json", "docs/api.md"),
)


def _lines() -> dict[str, int]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [name for name in listed.stdout.splitlines() if not name.startswith(WRITTEN_ELSEWHERE)]
    return {name: len((ROOT / name).read_text().splitlines()) for name in files if (ROOT / name).is_file()}


def test_no_file_is_longer_than_400_lines() -> None:
    assert {name: count for name, count in _lines().items() if count > MOST_LINES} == {}


def test_the_reference_app_is_shorter_than_50_lines() -> None:
    assert _lines()["app.py"] < APP_LINES


def test_every_link_between_pages_leads_somewhere() -> None:
    pages = [name for name in _lines() if name.endswith(".md")]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#]+)", (ROOT / page).read_text())]
    assert [
        (page, link) for page, link in links if "://" not in link and not (ROOT / page).parent.joinpath(link).exists()
    ] == []
    assert len(links) > 10
