"""Runs a project's `get_pipeline` under the offline session and packs what comes out."""

import importlib.util
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from modelyard.pipeline_defs.compiler import sentinels
from modelyard.pipeline_defs.compiler.bundles import archive, digest_files
from modelyard.pipeline_defs.compiler.cache import COMPILED
from modelyard.pipeline_defs.compiler.context import PipelineContext
from modelyard.pipeline_defs.compiler.offline import offline_environment, offline_session

PACKAGE = "modelyard_compiled_pipeline"


def build(
    folder: Path,
    *,
    region: str,
    parameters: Mapping[str, Any],
    subnets: int,
    security_groups: int,
    network_isolation: bool,
) -> dict[str, bytes]:
    """The files of a cache entry for `folder`: the compiled definition and its source bundles."""
    with offline_environment(region):
        bucket, role = (sentinels.FIXED[name][1] for name in ("Bucket", "JobRoleArn"))
        context = PipelineContext(folder, offline_session(region, bucket, role))
        definition = json.loads(_load(folder).get_pipeline(context).definition())
    stand_ins = [(name, *meaning) for name, meaning in sentinels.FIXED.items()]
    stand_ins += [sentinels.image(image) for image in sorted(context.images)]
    stand_ins += [sentinels.code(script) for script in sorted(context.sources)]
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"))
    body = sentinels.to_sub(text, {variable: literal for variable, _, literal in stand_ins})
    used = {variable: meaning for variable, meaning, _ in stand_ins if f"${{{variable}}}" in body}
    bundles = {sentinels.code(script)[0]: files for script, files in context.sources.items()}
    compiled = {
        "body": body,
        "sentinels": used,
        "code": {variable: digest_files(folder, files) for variable, files in bundles.items() if variable in used},
        "images": {sentinels.image(image)[0]: image for image in context.images},
        "parameters": {
            p["Name"]: {"type": p["Type"], "default": p.get("DefaultValue")} for p in json.loads(body)["Parameters"]
        },
    }
    archives = {f"{variable}.tar.gz": archive(folder, files) for variable, files in bundles.items()}
    return {COMPILED: json.dumps(compiled, sort_keys=True).encode(), **archives}


def _load(folder: Path) -> ModuleType:
    """`folder`/pipeline.py as a module of a throw-away package, so that relative imports work and nothing stays."""
    package = ModuleType(PACKAGE)
    package.__path__ = [str(folder)]
    sys.modules[PACKAGE] = package
    try:
        return importlib.import_module(f"{PACKAGE}.pipeline")
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
            del sys.modules[name]
