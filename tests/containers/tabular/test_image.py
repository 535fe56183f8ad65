"""The image's folder: what the Dockerfile takes, and what may start it."""

import os
import re

from tests.tabular import IMAGE


def test_the_image_holds_every_program_and_module_of_the_folder() -> None:
    copied = re.findall(
        r"^COPY (?:--\S+ )?(.*) /opt/program/$", (IMAGE.folder / "Dockerfile").read_text(), re.MULTILINE
    )
    programs = {path.name for path in IMAGE.folder.iterdir() if path.suffix == ".py" or path.name in ("train", "serve")}
    assert {name for names in copied for name in names.split()} == {*programs, "requirements.txt"}


def test_train_and_serve_can_be_started_by_name() -> None:
    assert all(os.access(IMAGE.folder / name, os.X_OK) for name in ("train", "serve"))


def test_every_requirement_is_pinned_exactly() -> None:
    lines = (IMAGE.folder / "requirements.txt").read_text().splitlines()
    assert lines
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+( ; .+)?", line) for line in lines)
