"""What starting a pipeline on its inputs takes, see `modelyard/lambdas/delivery`."""

from modelyard import names
from modelyard.constructs.arns import Arns
from modelyard.constructs.artifact_store import ArtifactStore
from modelyard.constructs.permissions import Permissions
from modelyard.constructs.resource import token

_START = [f"sagemaker:{action}" for action in ("DescribePipeline", "ListPipelineExecutions", "StartPipelineExecution")]
_PROJECTS = "projects come and go, each with its pipeline and its group"
_EXECUTIONS = "executions are known only when a pipeline runs"
_NO_RESOURCES = "the action has no resource-level permissions"
_EVALUATIONS = "evaluations are written by jobs, under names of theirs"


def allow_starting(role: Permissions, arns: Arns, store: ArtifactStore, *pipelines: str, because: str = "") -> None:
    """Let a role start pipelines whose parameters name data in the stage's buckets, once for the same inputs.

    Args:
        role: the role.
        arns: of the stage's account and region.
        store: the stage's buckets.
        pipelines: names, or patterns of them.
        because: why patterns are not names.
    """
    role.allow(_START, *(arns.arn("sagemaker", f"pipeline/{name}") for name in pipelines), because=because)
    role.allow(["s3:ListBucket"], token(store.data, "bucket_arn"), token(store.artifacts, "bucket_arn"))


def allow_training(role: Permissions, arns: Arns, store: ArtifactStore, *, stage: str) -> None:
    """Let a role do what the action `Train` does in a stage: start its pipelines, wait for them, read evaluations.

    Args:
        role: the role.
        arns: of the stage's account and region.
        store: the stage's key and buckets.
        stage: name of the stage.
    """
    name = names.resource_name(stage, "*")
    parameters = arns.arn("ssm", f"parameter{names.parameter_path(stage)}")
    role.allow(["ssm:GetParametersByPath"], parameters, f"{parameters}/*", because=_PROJECTS)
    allow_starting(role, arns, store, name, because=_PROJECTS)
    steps = arns.arn("sagemaker", f"pipeline/{name}/execution/*")
    role.allow(["sagemaker:ListPipelineExecutionSteps"], steps, because=_EXECUTIONS)
    role.allow(["sagemaker:ListModelPackages"], "*", because=_NO_RESOURCES)
    role.allow(["sagemaker:DescribeModelPackage"], arns.arn("sagemaker", f"model-package/{name}"), because=_PROJECTS)
    role.allow(["s3:GetObject"], f"{token(store.artifacts, 'bucket_arn')}/*", because=_EVALUATIONS)
    store.allow_key(role, "kms:Decrypt")
