"""Runs a project's `get_pipeline` under the offline session, checks what comes out, and packs it."""

import importlib
import json
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import FileFinder, ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from modelyard.pipeline_defs.compiler import sentinels
from modelyard.pipeline_defs.compiler.archive import archive
from modelyard.pipeline_defs.compiler.arguments import argument_problems
from modelyard.pipeline_defs.compiler.bundles import digest_files
from modelyard.pipeline_defs.compiler.cache import COMPILED
from modelyard.pipeline_defs.compiler.context import PipelineContext
from modelyard.pipeline_defs.compiler.definition import strings
from modelyard.pipeline_defs.compiler.errors import PipelineDefinitionError
from modelyard.pipeline_defs.compiler.explain import explain
from modelyard.pipeline_defs.compiler.network import apply_network
from modelyard.pipeline_defs.compiler.offline import offline, offline_session
from modelyard.pipeline_defs.compiler.parameters import apply_parameters
from modelyard.pipeline_defs.compiler.references import reference_problems
from modelyard.pipeline_defs.compiler.spot import apply_spot

PACKAGE = "modelyard_compiled_pipeline"
MAX_BYTES = 1024 * 1024  # of a PipelineDefinition; see CreatePipeline


def build(
    folder: Path,
    *,
    region: str,
    parameters: Mapping[str, Any],
    subnets: int,
    security_groups: int,
    network_isolation: bool,
    spot: bool,
) -> dict[str, bytes]:
    """The files of a cache entry for `folder`: the compiled definition and its source bundles.

    Raises:
        PipelineDefinitionError: there is no valid pipeline in `folder`.
    """
    try:
        with offline(region):
            definition, context = _run(folder, region)
            apply_parameters(definition, parameters)
            if spot:
                apply_spot(definition)
            _check(definition)
        network = apply_network(definition, subnets, security_groups, network_isolation)
    except PipelineDefinitionError as error:
        raise PipelineDefinitionError(f"{folder / 'pipeline.py'}: {error}") from error
    stand_ins = [(name, *meaning) for name, meaning in sentinels.FIXED.items()]
    stand_ins += [sentinels.image(image) for image in sorted(context.images)]
    stand_ins += [sentinels.code(script) for script in sorted(context.sources)]
    return _pack(folder, definition, [*stand_ins, *network], context)


def _run(folder: Path, region: str) -> tuple[dict[str, Any], PipelineContext]:
    steps: list[Any] = []
    bucket, role = (sentinels.FIXED[name][1] for name in ("Bucket", "JobRoleArn"))
    context = PipelineContext(folder, offline_session(region, bucket, role))
    try:
        pipeline = _load(folder).get_pipeline(context)
        if not hasattr(pipeline, "definition"):
            raise PipelineDefinitionError(f"get_pipeline returned {pipeline!r}; it must return a Pipeline")
        steps = pipeline.steps
        definition: dict[str, Any] = json.loads(pipeline.definition())
    except Exception as error:
        raise PipelineDefinitionError(explain(error, folder, steps)) from error
    # Without a value, these say nothing.
    return {name: value for name, value in definition.items() if value is not None}, context


class _SourceLoader(SourceFileLoader):
    """Compiles each time: byte code is told from its source by second and size, which a quick edit leaves alone."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class _FromSource:
    """Finds the modules of the throw-away package, and leaves no byte code beside them."""

    @staticmethod
    def find_spec(fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if path is None or fullname.split(".")[0] != PACKAGE:
            return None
        return FileFinder(path[0], (_SourceLoader, [".py"])).find_spec(fullname, target)


def _load(folder: Path) -> ModuleType:
    """`folder`/pipeline.py as a module of a throw-away package, so that relative imports work and nothing stays."""
    package = ModuleType(PACKAGE)
    package.__path__ = [str(folder.resolve())]
    sys.modules[PACKAGE] = package
    sys.meta_path.insert(0, _FromSource)
    try:
        module = importlib.import_module(f"{PACKAGE}.pipeline")
    finally:
        sys.meta_path.remove(_FromSource)
        for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
            del sys.modules[name]
    if not hasattr(module, "get_pipeline"):
        raise PipelineDefinitionError("get_pipeline is missing; define get_pipeline(context) that returns a Pipeline")
    return module


def _check(definition: dict[str, Any]) -> None:
    for problems in (reference_problems(definition), argument_problems(definition)):
        for step, problem in problems:
            raise PipelineDefinitionError(f"step {step!r}: {problem}")


def _pack(
    folder: Path, definition: dict[str, Any], stand_ins: list[tuple[str, str, str]], context: PipelineContext
) -> dict[str, bytes]:
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"))
    if len(text) > MAX_BYTES:
        raise PipelineDefinitionError(
            f"{folder}: the definition has {len(text):,} bytes; SageMaker takes at most {MAX_BYTES:,}: use fewer steps"
        )
    literals = {variable: literal for variable, _, literal in stand_ins}
    for path, value in strings(definition):
        if sentinels.MARK in sentinels.to_sub(value, literals):
            raise PipelineDefinitionError(
                f"{folder / 'pipeline.py'}: {path} is {value!r}, which holds a part of a value of context; "
                "only the deployment knows these values: put them into strings whole"
            )
    body = sentinels.to_sub(text, literals)
    used = {variable: meaning for variable, meaning, _ in stand_ins if f"${{{variable}}}" in body}
    bundles = {sentinels.code(script)[0]: files for script, files in context.sources.items()}
    compiled = {
        "body": body,
        "sentinels": used,
        "code": {variable: digest_files(folder, files) for variable, files in bundles.items() if variable in used},
        "images": {sentinels.image(image)[0]: image for image in sorted(context.images)},
        "parameters": {
            p["Name"]: {"type": p["Type"], "default": p.get("DefaultValue")} for p in json.loads(body)["Parameters"]
        },
    }
    archives = {f"{variable}.tar.gz": archive(folder, bundles[variable]) for variable in compiled["code"]}
    return {COMPILED: json.dumps(compiled, sort_keys=True).encode(), **archives}
