"""The roles of the delivery pipeline and of its actions."""

from collections.abc import Callable, Sequence

from aws_cdk import aws_iam as iam
from constructs import Construct

from modelyard import names
from modelyard.constructs.arns import Arns
from modelyard.constructs.delivery_definition import SOURCE_KEY, ActionRoles
from modelyard.constructs.delivery_store import DeliveryStore
from modelyard.constructs.part import Part
from modelyard.constructs.permissions import Permissions
from modelyard.constructs.resource import service_principal, token
from modelyard.settings.delivery import SourceKeys

__all__ = ["DeliveryRoles"]

_OBJECTS = "CodePipeline draws the names of artifacts"
_ABROAD = "the key of another region, whose id is not known here; the condition names its alias"
# What a connection needs of a bucket whose owner owns all objects: https://github.com/aws/aws-cdk/issues/13557
_CONNECTED = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:PutObjectAcl"]
# https://docs.aws.amazon.com/codepipeline/latest/userguide/actions-create-cross-region.html
_REPLICATE = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
_LOOK = ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:ListBucket"]
_USE_KEY = ["kms:Decrypt", "kms:GenerateDataKey"]
_BUILDS = ["codebuild:BatchGetBuilds", "codebuild:StartBuild", "codebuild:StopBuild"]
# https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-S3.html
_READ_SOURCE = ["s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion", "s3:GetObjectVersionTagging"]


class DeliveryRoles(Part):
    """The pipeline's role, and a role for each kind of action.

    The pipeline's may assume those of its actions, and copy artifacts to the regions of other actions: CodePipeline
    does that by no other role.

    Args:
        store: where artifacts and the source are kept.
        source: the repository that commits come from; None where they come from the store's source bucket.
        functions: ARNs of the functions that actions invoke.
        topic_arn: where gates say that they await somebody.
        deploy_roles: ARNs of the roles of CloudFormation's actions, which `cdk bootstrap` makes.
        regions: the other regions that actions run in.

    Attributes:
        pipeline: the pipeline's role.
        actions: ARNs of the roles of actions.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        store: DeliveryStore,
        source: SourceKeys | None,
        functions: Sequence[str],
        topic_arn: str,
        deploy_roles: Sequence[str],
        regions: Sequence[str],
    ) -> None:
        super().__init__(scope, id)
        self._store = store
        self._source = source
        self._functions = functions
        self._topic_arn = topic_arn
        self._arns = Arns.of(scope)
        self.pipeline = iam.Role(self, "Pipeline", assumed_by=service_principal("codepipeline.amazonaws.com"))
        actions = [
            self._role(id, fill)
            for id, fill in (
                ("Source", self._allow_source),
                ("Build", self._allow_build),
                ("Invoke", self._allow_invoke),
                ("Approve", self._allow_approve),
            )
        ]
        permissions = Permissions()
        permissions.allow(["sts:AssumeRole"], *(token(role, "role_arn") for role in actions), *deploy_roles)
        self._allow_replication(permissions, regions)
        permissions.attach(self.pipeline)
        self.actions = ActionRoles(*(token(role, "role_arn") for role in actions))

    def _allow_replication(self, role: Permissions, regions: Sequence[str]) -> None:
        arns = self._arns
        buckets = [names.delivery_bucket("artifacts", arns.account, region) for region in regions]
        abroad = [f"arn:{arns.partition}:s3:::{bucket}" for bucket in buckets]
        role.allow(_REPLICATE, self._store.objects, *(f"{bucket}/*" for bucket in abroad), because=_OBJECTS)
        role.allow(_LOOK, token(self._store.artifacts, "bucket_arn"), *abroad)
        role.allow(_USE_KEY, token(self._store.key, "key_arn"))
        keys = [f"arn:{arns.partition}:kms:{region}:{arns.account}:key/*" for region in regions]
        alias = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": names.key_alias(names.DELIVERY)}}
        if keys:
            role.allow(_USE_KEY, *keys, because=_ABROAD, conditions=alias)

    def _role(self, id: str, fill: Callable[[Permissions], None]) -> iam.Role:
        role = iam.Role(self, id, assumed_by=iam.ArnPrincipal(token(self.pipeline, "role_arn")))
        permissions = Permissions()
        fill(permissions)
        permissions.attach(role)
        return role

    def _allow_source(self, role: Permissions) -> None:
        if self._source:
            service = self._source.connection_arn.split(":")[2]
            role.allow([f"{service}:UseConnection"], self._source.connection_arn)
            role.allow(_CONNECTED, self._store.objects, because=_OBJECTS)
            role.allow(_LOOK, token(self._store.artifacts, "bucket_arn"))
        elif self._store.source:
            role.allow(_READ_SOURCE, f"{token(self._store.source, 'bucket_arn')}/{SOURCE_KEY}")
            role.allow(_LOOK, token(self._store.source, "bucket_arn"))
            role.allow(["s3:PutObject"], self._store.objects, because=_OBJECTS)
        role.allow(_USE_KEY, token(self._store.key, "key_arn"))

    def _allow_build(self, role: Permissions) -> None:
        projects = [
            self._arns.arn("codebuild", f"project/{names.delivery_project(each)}") for each in names.DELIVERY_BUILDS
        ]
        role.allow(_BUILDS, *projects)

    def _allow_invoke(self, role: Permissions) -> None:
        role.allow(["lambda:InvokeFunction"], *self._functions)
        # A function reads its input artifacts with credentials of this role, which its job holds.
        role.allow(["s3:GetObject", "s3:GetObjectVersion"], self._store.objects, because=_OBJECTS)
        role.allow(["kms:Decrypt"], token(self._store.key, "key_arn"))

    def _allow_approve(self, role: Permissions) -> None:
        role.allow(["sns:Publish"], self._topic_arn)
        role.allow(_USE_KEY, token(self._store.key, "key_arn"))
