"""The folder of an image: what the Dockerfile takes, and what may start it."""

import os
import re

import pytest

from tests import tabular
from tests.containers.asr import image as asr
from tests.containers.server import Image

each_image = pytest.mark.parametrize(
    "image", [pytest.param(image, id=image.folder.name) for image in (asr.IMAGE, tabular.IMAGE)]
)


@each_image
def test_the_image_holds_every_program_and_module_of_the_folder(image: Image) -> None:
    copied = re.findall(
        r"^COPY (?:--\S+ )?(.*) /opt/program/$", (image.folder / "Dockerfile").read_text(), re.MULTILINE
    )
    programs = {path.name for path in image.folder.iterdir() if path.suffix == ".py" or path.name in ("train", "serve")}
    assert {name for names in copied for name in names.split()} == {*programs, "requirements.txt"}


@each_image
def test_train_and_serve_can_be_started_by_name(image: Image) -> None:
    assert all(os.access(image.folder / name, os.X_OK) for name in ("train", "serve"))
