"""Empties what a disposable stage leaves, so that it can be deleted."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from aws_cdk import CfnResource, Tags
from aws_cdk import aws_s3 as s3
from constructs import Construct

from modelyard import names
from modelyard.constructs.arns import Arns
from modelyard.constructs.growing_policy import GrowingPolicy
from modelyard.constructs.part import Part
from modelyard.constructs.permissions import Permissions
from modelyard.constructs.provider import ResourceProvider
from modelyard.constructs.resource import add_custom_resource, token
from modelyard.constructs.stage_of import stage_of

if TYPE_CHECKING:
    from modelyard.constructs.model_registry import ModelRegistry

TAG = "modelyard:disposable"
_PROJECTS = "one group for each project of the stage, and projects come and go"
_VERSIONS = "the versions of a group that is deleted with its stack"
_TIMEOUT_SECONDS = 900
_SERVICE_TIMEOUT_SECONDS = 960  # CloudFormation's clock begins before the function's
_EMPTIED = "Emptied"


class Emptier(Part):
    """Empties buckets and model package groups when they are deleted.

    What it may empty bears the tag `modelyard:disposable`; what does not is left alone, whatever is asked of it.

    Args:
        stage: name of the stage, whose groups it may empty. Default: made of the stack's name.
        buckets: emptied before they are deleted. Default: none but those told later.
        groups: whether it may empty model package groups too. Default: it may.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: str | None = None,
        buckets: Sequence[s3.IBucket] = (),
        groups: bool = True,
    ) -> None:
        super().__init__(scope, id)
        stage = stage_of(self, stage) if stage != names.DELIVERY else stage
        self._prefix = names.resource_name(stage, "")
        permissions = Permissions()
        if buckets:
            self._allow_buckets(permissions, buckets)
        if groups:
            self._allow_groups(permissions, f"{self._prefix}*")
        self._provider = ResourceProvider(
            self,
            "Provider",
            folder="emptier",
            module="handler",
            description=f"Modelyard {stage}: empties buckets and model package groups that are deleted",
            permissions=permissions,
            timeout_seconds=_TIMEOUT_SECONDS,
        )
        self._empty_buckets(buckets)
        self._other_groups = GrowingPolicy(
            self._provider,
            "OtherGroups",
            lambda: self._provider.handler.role,
            ["sagemaker:ListTags", "sagemaker:DeleteModelPackage"],
            because=_VERSIONS,
        )

    def empty_buckets(self, buckets: Sequence[s3.IBucket]) -> None:
        """Empty `buckets` too, before they are deleted; those that are emptied already it leaves as they are."""
        buckets = [bucket for bucket in buckets if bucket.node.try_find_child(_EMPTIED) is None]
        if not buckets:
            return
        handler = self._provider.handler
        self._allow_buckets(handler.permissions, buckets)
        handler.attach()
        self._empty_buckets(buckets)

    def empty_model_package_group(self, registry: "ModelRegistry") -> CfnResource:
        """Delete the versions in the group of `registry`, which may be of another stack, before it is deleted.

        Returns:
            What does so when it is deleted itself.
        """
        name = registry.model_package_group_name
        if not name.startswith(self._prefix):
            arns = Arns.of(self)
            self._other_groups.allow(
                arns.arn("sagemaker", f"model-package-group/{name}"), arns.arn("sagemaker", f"model-package/{name}/*")
            )
        return self._empty(registry, "model-package-group", registry.model_package_group_arn)

    def _empty_buckets(self, buckets: Sequence[s3.IBucket]) -> None:
        for bucket in buckets:
            # Every bucket is a construct; its interface does not say so.
            self._empty(cast(Construct, bucket), "bucket", token(bucket, "bucket_name"))

    @staticmethod
    def _allow_buckets(role: Permissions, buckets: Sequence[s3.IBucket]) -> None:
        look = ["s3:GetBucketTagging", "s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:ListBucketVersions"]
        role.allow(look, *(bucket.bucket_arn for bucket in buckets))
        objects = [bucket.arn_for_objects("*") for bucket in buckets]
        role.allow(["s3:DeleteObject", "s3:DeleteObjectVersion"], *objects, because="a bucket is emptied whole")

    def _allow_groups(self, role: Permissions, prefix: str) -> None:
        """Groups are those of the projects' stacks, which this one must not depend on: hence by their common prefix."""
        arns = Arns.of(self)
        group, package = (
            arns.arn("sagemaker", f"{kind}/{prefix}") for kind in ("model-package-group", "model-package")
        )
        role.allow(["sagemaker:ListTags"], group, because=_PROJECTS)
        role.allow(["sagemaker:DeleteModelPackage"], package, because=_PROJECTS)
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
        role.allow(["sagemaker:ListModelPackages"], "*", because="the action has no resource-level permissions")

    def _empty(self, owner: Construct, kind: str, name: str) -> CfnResource:
        Tags.of(owner).add(TAG, "true")
        resource = add_custom_resource(
            owner,
            _EMPTIED,
            "Custom::ModelyardEmptied",
            service_token=self._provider.service_token,
            service_timeout_seconds=_SERVICE_TIMEOUT_SECONDS,
            properties={"Kind": kind, "Name": name},
        )
        resource.node.add_dependency(self._provider)
        return resource
