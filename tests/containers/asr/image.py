"""The image `asr`."""

import importlib.util
from types import ModuleType

from tests.containers.server import Image

IMAGE = Image("asr", start_seconds=180, run_seconds=300)


def module(name: str) -> ModuleType:
    """One of the image's modules that need nothing of NeMo, imported here."""
    spec = importlib.util.spec_from_file_location(f"asr_image_{name}", IMAGE.folder / f"{name}.py")
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded
