"""Compiles a project's `pipeline.py` to SageMaker pipeline definition JSON, offline and deterministically.

    compiled = compile_pipeline(folder, region="eu-central-1", parameters={"RmseThreshold": 2.3})
    body = Fn.sub(compiled.body, {variable: token for every variable of compiled.sentinels})

**The folder** holds `pipeline.py` with `get_pipeline(context: PipelineContext) -> Pipeline` (SageMaker Python SDK 3.x)
and the scripts its steps run. `pipeline.py` may import the SDK, the standard library, this module, and, relatively,
files of its own folder; nothing else, since the cache would not notice a change there.

**What only the deployment knows** is a variable in `body`, to be filled in by `Fn::Sub`. Text of the user's that looks
like a variable is escaped already (`${HOME}` stands as `${!HOME}`). The variables of `sentinels`:

| variable | stands for |
|---|---|
| `Bucket`, `DataBucket` | names of the artefact bucket and of the data bucket |
| `JobRoleArn` | ARN of the role that processing and training jobs assume |
| `KmsKeyArn` | ARN of the stage's KMS key |
| `ModelPackageGroupName` | name of the project's model package group |
| `Image<Folder>` | URI of the image of `containers/<folder>`; `images` maps the variable to the folder |
| `Code<Script>` | S3 URI of a source bundle; `code` maps the variable to the local archive and its digest |
| `SubnetId0`…, `SecurityGroupId0`… | ids, as many as `subnets` and `security_groups` ask for |

`sentinels` holds only the variables that `body` uses, so a map of exactly these is complete and has no spare.

**Offline**: no AWS call, no upload, no socket; the SDK is imported only when the cache has no answer. **Cached**
under `$XDG_CACHE_HOME/modelyard/definitions` (default `~/.cache/…`) by the hash of the folder's files, of this
compiler, of the arguments and of the SDK's versions. **Checked**: each step's arguments against the service's own
model, each reference against the steps, parameters, property files and outputs that exist.
"""

from modelyard.pipeline_defs.compiler.bundles import SourceBundle
from modelyard.pipeline_defs.compiler.compile import CompiledPipeline, Parameter, compile_pipeline
from modelyard.pipeline_defs.compiler.context import PipelineContext, Source
from modelyard.pipeline_defs.compiler.errors import PipelineDefinitionError

__all__ = [
    "CompiledPipeline",
    "Parameter",
    "PipelineContext",
    "PipelineDefinitionError",
    "Source",
    "SourceBundle",
    "compile_pipeline",
]
