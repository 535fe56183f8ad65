"""The image's folder: what the Dockerfile takes, what may start it, and what it has in common with the tabular one."""

import json
import os
import re

import pytest

from tests import tabular
from tests.containers.asr.image import IMAGE

PIN = re.compile(r"(?P<name>[\w.-]+)==[\w.]+( ; .+)?")
# What NeMo itself names wherever it is installed: bindings without the libraries, and its telemetry.
NEMOS_OWN = {"cuda-bindings", "cuda-pathfinder"}


def test_the_image_holds_every_program_and_module_of_the_folder() -> None:
    copied = re.findall(
        r"^COPY (?:--\S+ )?(.*) /opt/program/$", (IMAGE.folder / "Dockerfile").read_text(), re.MULTILINE
    )
    programs = {path.name for path in IMAGE.folder.iterdir() if path.suffix == ".py" or path.name in ("train", "serve")}
    assert {name for names in copied for name in names.split()} == {*programs, "requirements.txt"}


def test_train_and_serve_can_be_started_by_name() -> None:
    assert all(os.access(IMAGE.folder / name, os.X_OK) for name in ("train", "serve"))


@pytest.mark.parametrize("name", ["train", "training.py"])
def test_script_mode_is_that_of_the_tabular_image(name: str) -> None:
    """An image is made from its own folder alone, so each has a copy."""
    assert (IMAGE.folder / name).read_text() == (tabular.IMAGE.folder / name).read_text()


def test_every_requirement_is_pinned_exactly_and_none_brings_cudas_libraries() -> None:
    pins = [PIN.fullmatch(line) for line in (IMAGE.folder / "requirements.txt").read_text().splitlines()]
    names = {pin["name"] for pin in pins if pin}
    assert len(names) > 100
    assert all(pins)
    assert {name for name in names if name.startswith(("nvidia", "cuda", "triton"))} == NEMOS_OWN


def test_the_variants_differ_in_the_build_of_torch_alone() -> None:
    variants = json.loads((IMAGE.folder / "variants.json").read_text())
    assert list(variants) == ["cpu", "gpu"]
    assert {argument for arguments in variants.values() for argument in arguments} == {"TORCH_INDEX"}
