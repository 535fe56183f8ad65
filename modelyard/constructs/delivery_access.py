"""What the functions of the delivery pipeline may do in a stage."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_iam as iam
from constructs import Construct

from modelyard import names
from modelyard.constructs.arns import Arns
from modelyard.constructs.artifact_store import ArtifactStore
from modelyard.constructs.part import Part
from modelyard.constructs.permissions import Permissions
from modelyard.constructs.resource import token
from modelyard.constructs.starting_permissions import allow_training

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
_SERVING = (
    _Allowed("sagemaker:DescribeEndpoint", "endpoints"),
    _Allowed("sagemaker:DescribeEndpointConfig", "endpoint-configs"),
    _Allowed("sagemaker:DescribeModel", "models"),
)

PERMISSIONS: dict[str, tuple[_Allowed, ...]] = {
    "promote-from": (
        _PARAMETERS,
        *_PACKAGES,
        *_SERVING,
        _Allowed("ecr:DescribeImages", "repositories"),
        _Allowed("s3:ListBucket", "artifacts-bucket"),
        _Allowed("s3:GetObject", "artifacts"),
        _Allowed("kms:Decrypt", "key"),
    ),
    "promote-to": (
        _PARAMETERS,
        _Allowed("sagemaker:ListModelPackages", "any"),
        _Allowed("sagemaker:CreateModelPackage sagemaker:DescribeModelPackage", "packages groups"),
        # As for whoever creates a version: see `execution_roles`.
        _Allowed("ecr:BatchGetImage ecr:DescribeImages", "repositories"),
        _Allowed("s3:ListBucket s3:ListBucketMultipartUploads", "artifacts-bucket"),
        _Allowed("s3:GetObject s3:PutObject s3:ListMultipartUploadParts", "promoted"),
        _Allowed("kms:Decrypt kms:GenerateDataKey", "key"),
    ),
    "smoke-test": (
        _PARAMETERS,
        *_PACKAGES,
        *_SERVING,
        _Allowed("sagemaker:InvokeEndpoint", "endpoints"),
        # Without it a file that is not there is a refusal, and no remedy can be told.
        _Allowed("s3:ListBucket", "artifacts-bucket"),
        _Allowed("s3:GetObject", "promoted evaluations"),
        _Allowed("kms:Decrypt", "key"),
    ),
}
"""What each role allows, by its purpose, besides that of `train`; what its function calls there, and no more."""


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


class DeliveryAccess(Part):
    """A role for each thing that the delivery pipeline's functions do in a stage.

    Each trusts the role of one function in the delivery's account, and allows what that function calls in the stage.

    Args:
        stage: name of the stage.
        account: the delivery's.
        purposes: what its functions do in the stage, see `purposes_of`.
        store: the stage's key and buckets.
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
    ) -> None:
        super().__init__(scope, id)
        self._stage = stage
        self._arns = Arns.of(scope)
        self._account = account
        self._store = store
        resources = self._resources()
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
        permissions = Permissions()
        if purpose == "train":
            allow_training(permissions, self._arns, self._store, stage=self._stage)
        for allowed in PERMISSIONS.get(purpose, ()):
            actions = allowed.actions.split()
            if allowed.resources == "key":
                self._store.allow_key(permissions, *actions)
                continue
            for kind in allowed.resources.split():
                arns, reason = resources[kind]
                permissions.allow(actions, *arns, because=reason)
        permissions.attach(role)

    def _resources(self) -> dict[str, tuple[tuple[str, ...], str]]:
        """The ARNs of each kind of resource, and why they have wildcards."""
        name = names.resource_name(self._stage, "*")
        sagemaker = {
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
            "artifacts-bucket": ((artifacts,), ""),
            "artifacts": ((f"{artifacts}/*",), objects),
            "promoted": ((f"{artifacts}/promoted/*",), objects),
            "evaluations": ((f"{artifacts}/*/evaluation/*",), objects),
            "repositories": (
                tuple(dict.fromkeys((ecr, self._arns.arn("ecr", repositories)))),
                "versions run on any image of the platform, also on those built before there was a delivery",
            ),
        }
