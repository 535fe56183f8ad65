"""Compiled definitions on disk, one folder each, named by the hash of all that they are made from."""

import functools
import hashlib
import json
import os
import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

from modelyard.pipeline_defs.compiler.bundles import digest_files
from modelyard.pipeline_defs.compiler.errors import PipelineDefinitionError

COMPILED = "compiled.json"
# Of this package, what the compiler's checks rest on.
CHECKS = ["settings/instances.py", "shapes.py"]
# The distributions whose version decides what a definition looks like.
DISTRIBUTIONS = ("sagemaker", "sagemaker-core", "sagemaker-mlops", "sagemaker-train", "sagemaker-serve", "botocore")


def default_dir() -> Path:
    """`$XDG_CACHE_HOME/modelyard/definitions`, by default `~/.cache/modelyard/definitions`."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "modelyard" / "definitions"


def sources(folder: Path) -> list[str]:
    """The files of `folder`, byte code left out, as sorted paths from the folder."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(file.as_posix() for file in files if "__pycache__" not in file.parts and file.suffix != ".pyc")


def entry(folder: Path, arguments: dict[str, Any], cache_dir: Path) -> Path:
    """The place of the definition compiled from `folder` with `arguments`; exists if it is there.

    Raises:
        PipelineDefinitionError: there is no `pipeline.py`, or the SDK is not installed.
    """
    if not (folder / "pipeline.py").is_file():
        raise PipelineDefinitionError(f"{folder}: no pipeline.py here; it must define get_pipeline(context)")
    ingredients = {"arguments": arguments, "folder": digest_files(folder, sources(folder)), "tools": _tools()}
    return cache_dir / hashlib.sha256(json.dumps(ingredients, sort_keys=True).encode()).hexdigest()[:32]


@functools.cache
def _tools() -> dict[str, Any]:
    """All but the folder and the arguments that decides what a definition looks like."""
    try:
        versions = {name: metadata.version(name) for name in DISTRIBUTIONS}
    except metadata.PackageNotFoundError as error:
        raise PipelineDefinitionError(
            f"the SageMaker SDK is not installed (no {error.name}); run: pip install 'modelyard[pipelines]'"
        ) from None
    compiler, package = Path(__file__).parent, Path(__file__).parents[2]
    own = [digest_files(compiler, sources(compiler)), digest_files(package, CHECKS)]
    return {**versions, "python": sys.version_info[:2], "own": own}


def store(entry: Path, files: dict[str, bytes]) -> None:
    """Put `files` at `entry`, whole or not at all; another process may do the same at the same time."""
    entry.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=entry.parent, prefix=".new-"))
    try:
        for name, content in files.items():
            (aside / name).write_bytes(content)
        if entry.exists() and not all((entry / name).is_file() for name in files):
            shutil.rmtree(entry, ignore_errors=True)
        aside.rename(entry)
    except OSError:
        # Somebody else was first: their entry has the same name, hence the same content.
        if not entry.exists():
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
