"""What the functions of the delivery pipeline may do in a stage."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_iam as iam
from constructs import Construct

from modelyard import names
from modelyard.constructs.arns import Arns
from modelyard.constructs.artifact_store import ArtifactStore
from modelyard.constructs.ledger import Ledger
from modelyard.constructs.permissions import Permissions
from modelyard.constructs.resource import token

__all__ = ["DeliveryAccess", "function_of", "purposes_of"]

_PROJECTS = "one for each project of the stage, and projects come and go"
_NO_RESOURCES = "the action has no resource-level permissions"


@dataclass(frozen=True)
class _Allowed:
    """Actions of a service on kinds of resource, see `DeliveryAccess._resources`."""

    actions: str
    resources: str


_PARAMETERS = _Allowed("ssm:GetParametersByPath", "parameters")
_PACKAGES = (
    _Allowed("sagemaker:DescribeModelPackage", "packages"),
    _Allowed("sagemaker:ListModelPackages", "any"),
)
_ENDPOINTS = (
    _Allowed("sagemaker:DescribeEndpoint", "endpoints"),
    _Allowed("sagemaker:DescribeEndpointConfig", "endpoint-configs"),
    _Allowed("sagemaker:DescribeModel", "models"),
)

PERMISSIONS: dict[str, tuple[_Allowed, ...]] = {
    "train": (
        _PARAMETERS,
        *_PACKAGES,
        _Allowed("sagemaker:DescribePipeline sagemaker:ListPipelineExecutions", "pipelines"),
        _Allowed("sagemaker:StartPipelineExecution", "pipelines"),
        _Allowed("sagemaker:DescribePipelineExecution sagemaker:ListPipelineExecutionSteps", "executions"),
        _Allowed("sagemaker:ListTags", "pipelines packages"),
        _Allowed("s3:ListBucket", "data-bucket"),
        _Allowed("s3:GetObject", "artifacts"),
        _Allowed("kms:Decrypt", "key"),
    ),
    "promote-from": (
        _PARAMETERS,
        *_PACKAGES,
        *_ENDPOINTS,
        _Allowed("sagemaker:ListTags", "packages groups endpoints endpoint-configs models"),
        _Allowed("dynamodb:GetItem dynamodb:Query", "ledger"),
        _Allowed("s3:ListBucket", "artifacts-bucket"),
        _Allowed("s3:GetObject", "artifacts"),
        _Allowed("ecr:BatchGetImage", "repositories"),
        _Allowed("kms:Decrypt", "key"),
    ),
    "promote-to": (
        _PARAMETERS,
        _Allowed("sagemaker:ListModelPackages", "any"),
        _Allowed("sagemaker:CreateModelPackage sagemaker:AddTags sagemaker:DescribeModelPackage", "packages groups"),
        _Allowed("sagemaker:DescribeModelPackageGroup", "groups"),
        _Allowed("s3:ListBucket", "artifacts-bucket"),
        _Allowed("s3:GetObject s3:PutObject", "promoted"),
        _Allowed("s3:AbortMultipartUpload s3:ListMultipartUploadParts", "promoted"),
        _Allowed("kms:Decrypt kms:GenerateDataKey", "key"),
    ),
    "smoke-test": (
        _PARAMETERS,
        *_PACKAGES,
        *_ENDPOINTS,
        _Allowed("sagemaker:InvokeEndpoint", "endpoints"),
        _Allowed("s3:GetObject", "promoted evaluations"),
        _Allowed("kms:Decrypt", "key"),
    ),
}
"""What each role allows, by its purpose; each entry is what its function calls there, and no more."""


def function_of(purpose: str) -> str:
    """The function of the delivery pipeline that works in a stage by the role of `purpose`."""
    return "promote" if purpose.startswith("promote-") else purpose


def purposes_of(stage: str, stages: Sequence[str]) -> tuple[str, ...]:
    """What the delivery does in `stage`: it trains in the first of `stages` and promotes from each to the next."""
    if stage not in stages:
        return ()
    first, last = stage == stages[0], stage == stages[-1]
    wanted = {"train": first, "promote-from": not last, "promote-to": not first, "smoke-test": not first}
    return tuple(purpose for purpose in names.ACCESS_PURPOSES if wanted[purpose])


class DeliveryAccess(Construct):
    """A role for each thing that the delivery pipeline's functions do in a stage.

    Each trusts the role of one function in the delivery's account, and allows what `PERMISSIONS` says of it.

    Args:
        stage: name of the stage.
        account: the delivery's.
        purposes: what its functions do in the stage, see `purposes_of`.
        store: the stage's key and buckets.
        ledger: the stage's ledger.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: str,
        account: str,
        purposes: Sequence[str],
        store: ArtifactStore,
        ledger: Ledger,
    ) -> None:
        super().__init__(scope, id)
        self._stage = stage
        self._arns = Arns.of(scope)
        self._account = account
        self._store = store
        resources = self._resources(ledger)
        for purpose in purposes:
            self._add(purpose, resources)

    def _add(self, purpose: str, resources: dict[str, tuple[tuple[str, ...], str]]) -> None:
        function = (
            f"arn:{self._arns.partition}:iam::{self._account}:role/{names.delivery_function(function_of(purpose))}"
        )
        # The function's role may be younger than this one, and IAM knows no principal that is not there.
        trusted = iam.AccountPrincipal(self._account).with_conditions({"ArnEquals": {"aws:PrincipalArn": function}})
        role = iam.Role(
            self,
            "".join(part.capitalize() for part in purpose.split("-")),
            role_name=names.delivery_role(self._stage, purpose),
            description=f"Modelyard {self._stage}: what the delivery's function {function_of(purpose)} does here",
            assumed_by=trusted,
        )
        permissions = Permissions(role)
        for allowed in PERMISSIONS[purpose]:
            actions = allowed.actions.split()
            if allowed.resources == "key":
                self._store.allow_key(permissions, *actions)
                continue
            for kind in allowed.resources.split():
                arns, reason = resources[kind]
                permissions.allow(actions, *arns, because=reason)
        permissions.attach()

    def _resources(self, ledger: Ledger) -> dict[str, tuple[tuple[str, ...], str]]:
        """The ARNs of each kind of resource, and why they have wildcards."""
        name = names.resource_name(self._stage, "*")
        sagemaker = {
            "pipelines": f"pipeline/{name}",
            "executions": f"pipeline/{name}/execution/*",
            "packages": f"model-package/{name}",
            "groups": f"model-package-group/{name}",
            "endpoints": f"endpoint/{name}",
            "endpoint-configs": f"endpoint-config/{name}",
            "models": f"model/{name}",
        }
        path = self._arns.arn("ssm", f"parameter{names.parameter_path(self._stage)}")
        artifacts = token(self._store.artifacts, "bucket_arn")
        objects = "objects are written by jobs, under names of theirs"
        repositories = f"repository/{names.repository('*')}"
        ecr = f"arn:{self._arns.partition}:ecr:{self._arns.region}:{self._account}:{repositories}"
        return {
            **{kind: ((self._arns.arn("sagemaker", arn),), _PROJECTS) for kind, arn in sagemaker.items()},
            "parameters": ((path, f"{path}/*"), _PROJECTS),
            "any": (("*",), _NO_RESOURCES),
            "ledger": ((token(ledger.table, "table_arn"),), ""),
            "data-bucket": ((token(self._store.data, "bucket_arn"),), ""),
            "artifacts-bucket": ((artifacts,), ""),
            "artifacts": ((f"{artifacts}/*",), objects),
            "promoted": ((f"{artifacts}/promoted/*",), objects),
            "evaluations": ((f"{artifacts}/*/evaluation/*",), objects),
            "repositories": (
                tuple(dict.fromkeys((ecr, self._arns.arn("ecr", repositories)))),
                "versions run on any image of the platform, also on those built before there was a delivery",
            ),
        }
