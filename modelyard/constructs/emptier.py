"""Empties what a disposable stage leaves, so that it can be deleted."""

from typing import cast

from aws_cdk import CustomResource, Duration, Stack, Tags
from aws_cdk import aws_s3 as s3
from constructs import Construct

from modelyard import names
from modelyard.constructs.handler import Handler
from modelyard.constructs.model_registry import ModelRegistry
from modelyard.constructs.provider import ResourceProvider

TAG = "modelyard:disposable"
_TIMEOUT = Duration.minutes(15)


class Emptier(Construct):
    """Empties buckets and model package groups when they are deleted.

    What it may empty bears the tag `modelyard:disposable`; what does not is left alone, whatever is asked of it.
    """

    def __init__(self, scope: Construct, id: str, *, stage: str) -> None:
        super().__init__(scope, id)
        self._stage = stage
        self._handler = Handler(
            self,
            "OnEvent",
            folder="emptier",
            handler="handler.on_event",
            description=f"Modelyard {stage}: empties buckets and model package groups that are deleted",
            timeout=_TIMEOUT,
        )
        self._provider = ResourceProvider(self, "Provider", on_event=self._handler.function)
        self._allow_groups()

    def empty_bucket(self, bucket: s3.IBucket) -> None:
        """Empty `bucket` before it is deleted."""
        self._handler.allow(
            ["s3:GetBucketTagging", "s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:ListBucketVersions"],
            bucket.bucket_arn,
        )
        self._handler.allow(["s3:DeleteObject", "s3:DeleteObjectVersion"], bucket.arn_for_objects("*"))
        # Every bucket is a construct; its interface does not say so.
        self._empty(cast(Construct, bucket), "bucket", bucket.bucket_name)

    def empty_model_package_group(self, registry: ModelRegistry) -> None:
        """Delete the versions in the group of `registry`, which may be of another stack, before it is deleted."""
        self._empty(registry, "model-package-group", registry.model_package_group_arn)

    def _allow_groups(self) -> None:
        """Groups are those of the projects' stacks, which this one must not depend on: hence by their common prefix."""
        prefix = names.resource_name(self._stage, "*")
        arn = Stack.of(self).format_arn
        group = arn(service="sagemaker", resource="model-package-group", resource_name=prefix)
        self._handler.allow(["sagemaker:ListTags"], group)
        self._handler.allow(
            ["sagemaker:DeleteModelPackage"], arn(service="sagemaker", resource="model-package", resource_name=prefix)
        )
        # Lists take no resource: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
        self._handler.allow(["sagemaker:ListModelPackages"], "*")

    def _empty(self, owner: Construct, kind: str, name: str) -> None:
        Tags.of(owner).add(TAG, "true")
        resource = CustomResource(
            owner,
            "Emptied",
            service_token=self._provider.service_token,
            resource_type="Custom::ModelyardEmptied",
            properties={"Kind": kind, "Name": name},
            service_timeout=_TIMEOUT,
        )
        resource.node.add_dependency(self._handler.role)
