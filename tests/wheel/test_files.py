"""What is in the wheel."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

from tests.e2e.checkout import ROOT


def test_the_wheel_has_every_file_of_the_package_and_no_other(wheel: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "modelyard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    sources = {name for name in listed.stdout.splitlines() if (ROOT / name).is_file()}
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert {"modelyard/py.typed", "modelyard/containers/tabular/serve", "modelyard/starter/common/Makefile"} <= sources
    assert packed - sources == set()
    assert sources - packed == set()


def test_what_can_be_executed_in_the_checkout_can_be_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {
            entry.filename
            for entry in archive.infolist()
            if (entry.external_attr >> 16) & 0o111 and entry.filename.startswith("modelyard/")
        }
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "modelyard").rglob("*") if path.is_file()}
    assert packed == {name for name in sources if (ROOT / name).stat().st_mode & 0o111}
    assert {f"modelyard/containers/{name}" for name in ("asr/train", "asr/serve", "tabular/train")} <= packed
