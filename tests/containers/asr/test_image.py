"""The image's requirements and variants, and what it has in common with the tabular one."""

import json
import re

import pytest

from tests import tabular
from tests.containers.asr.image import IMAGE

PIN = re.compile(r"(?P<name>[\w.-]+)==[\w.]+( ; .+)?")
# What NeMo itself names wherever it is installed: bindings without the libraries, and its telemetry.
NEMOS_OWN = {"cuda-bindings", "cuda-pathfinder"}


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
