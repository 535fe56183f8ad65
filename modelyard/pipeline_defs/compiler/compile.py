"""`compile_pipeline`: from a folder to a `CompiledPipeline`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelyard.pipeline_defs.compiler import cache
from modelyard.pipeline_defs.compiler.bundles import SourceBundle

Value = str | int | float | bool


@dataclass(frozen=True)
class Parameter:
    """A pipeline parameter: its type (String, Integer, Float, Boolean) and its default, None where it has none."""

    type: str
    default: Value | None


@dataclass(frozen=True)
class CompiledPipeline:
    """A pipeline definition, ready for `Fn::Sub`.

    Attributes:
        body: the definition as JSON, keys sorted, with `${Variable}` for what the deployment fills in.
        sentinels: the variables that `body` uses, and what each stands for.
        code: of these, the source bundles: to be uploaded as S3 assets; each variable becomes the object's S3 URI.
        images: of these, the images, and the folder of `containers/` each is built from.
        parameters: the pipeline's parameters by name.
    """

    body: str
    sentinels: Mapping[str, str]
    code: Mapping[str, SourceBundle]
    images: Mapping[str, str]
    parameters: Mapping[str, Parameter]


def compile_pipeline(
    folder: Path | str,
    *,
    region: str,
    parameters: Mapping[str, Value] | None = None,
    subnets: int = 0,
    security_groups: int = 0,
    network_isolation: bool = False,
    spot: bool = False,
    cache_dir: Path | None = None,
) -> CompiledPipeline:
    """Compile `folder`/pipeline.py.

    Args:
        folder: the project's folder.
        region: AWS region, which the SDK needs to look up AWS's own images.
        parameters: defaults to put in the place of those that `pipeline.py` states. None: no change.
        subnets: how many subnets the jobs may run in. 0: no VPC.
        security_groups: how many security groups the jobs are in.
        network_isolation: whether the jobs' containers may open no connection.
        spot: whether the training jobs run on spot capacity.
        cache_dir: where compiled definitions are kept. None: under the user's cache folder.

    Raises:
        PipelineDefinitionError: the folder does not hold a valid pipeline; says which step and which field.
    """
    arguments: dict[str, Any] = {
        "region": region,
        "parameters": dict(parameters or {}),
        "subnets": subnets,
        "security_groups": security_groups,
        "network_isolation": network_isolation,
        "spot": spot,
    }
    entry = cache.entry(Path(folder), arguments, cache_dir or cache.default_dir())
    compiled = _load(entry)
    if compiled is None:
        from modelyard.pipeline_defs.compiler import build

        cache.store(entry, build.build(Path(folder), **arguments))
        compiled = _load(entry)
    assert compiled is not None
    return compiled


def _load(entry: Path) -> CompiledPipeline | None:
    """What is at `entry`; None where it is not there, or somebody has removed a part of it."""
    try:
        compiled = json.loads((entry / cache.COMPILED).read_bytes())
    except FileNotFoundError:
        return None
    code = {
        variable: SourceBundle(entry / f"{variable}.tar.gz", digest) for variable, digest in compiled["code"].items()
    }
    if not all(bundle.path.is_file() for bundle in code.values()):
        return None
    return CompiledPipeline(
        body=compiled["body"],
        sentinels=compiled["sentinels"],
        code=code,
        images=compiled["images"],
        parameters={name: Parameter(**parameter) for name, parameter in compiled["parameters"].items()},
    )
