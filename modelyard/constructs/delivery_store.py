"""Where the delivery pipeline keeps what it works on."""

from collections.abc import Sequence
from typing import Any, cast

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from modelyard import names
from modelyard.constructs.arns import Arns
from modelyard.constructs.artifact_store import keep_policies
from modelyard.constructs.emptier import Emptier
from modelyard.constructs.part import Part
from modelyard.constructs.permissions import acknowledge
from modelyard.constructs.removal import removal_policy
from modelyard.constructs.resource import token

__all__ = ["DeliveryStore", "key_alias_arn"]

_ACKNOWLEDGED = {
    "NIST.800.53.R5-S3BucketReplicationEnabled": "what is in them is made of a commit, and can be made again",
    "NIST.800.53.R5-S3DefaultEncryptionKMS": "S3 delivers access logs to buckets with its own encryption only",
}
_ARTIFACTS_EXPIRE_DAYS = 90
_NONCURRENT_DAYS = 90
_LOGS_EXPIRE_DAYS = 365
_UPLOADS_EXPIRE_DAYS = 7
_READ = ["s3:GetObject", "s3:GetObjectVersion"]
_LOOK = ["s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:ListBucket"]


class DeliveryStore(Part):
    """A KMS key, and the buckets of the delivery pipeline in a region: artifacts, access logs and, if asked, source.

    Every bucket is encrypted, versioned, closed to the public and refuses requests without TLS 1.2. Artifacts expire
    after 90 days: an execution cannot await a gate for longer than 60.

    Args:
        readers: ARNs of the roles that deploy with the artifacts, of whatever account. They must exist.
        source: whether commits come by the object `source.zip` of a bucket; that bucket tells EventBridge of them.
            Default: no.
        retain: whether key and buckets outlive the stack. Default: they do.

    Attributes:
        key: encrypts the buckets, but that of the logs.
        artifacts: what the actions hand to each other.
        objects: pattern of the ARNs of what is in it.
        source: what a zip of the repository is put into; None without.
    """

    def __init__(
        self, scope: Construct, id: str, *, readers: Sequence[str], source: bool = False, retain: bool = True
    ) -> None:
        super().__init__(scope, id)
        self._removal = removal_policy(retain)
        self._arns = Arns.of(scope)
        self.key = kms.Key(
            self,
            "Key",
            description="Modelyard: artifacts of the delivery",
            enable_key_rotation=True,
            removal_policy=self._removal,
            pending_window=Duration.days(7),
        )
        # Known by name: the pipeline has to name the key of each region.
        alias = kms.Alias(self, "KeyAlias", alias_name=names.key_alias(names.DELIVERY), target_key=self.key)
        alias.apply_removal_policy(self._removal)
        principals: list[iam.IPrincipal] = [iam.ArnPrincipal(reader) for reader in readers]
        self.key.add_to_resource_policy(
            iam.PolicyStatement(principals=principals, actions=["kms:Decrypt", "kms:DescribeKey"], resources=["*"])
        )
        logs = self._bucket("Logs", None, _LOGS_EXPIRE_DAYS)
        self.artifacts = self._bucket("Artifacts", logs, _ARTIFACTS_EXPIRE_DAYS)
        self.objects = f"{token(self.artifacts, 'bucket_arn')}/*"
        for actions, resource in ((_LOOK, token(self.artifacts, "bucket_arn")), (_READ, self.objects)):
            self.artifacts.add_to_resource_policy(
                iam.PolicyStatement(principals=principals, actions=actions, resources=[resource])
            )
        self.source = self._bucket("Source", logs, None) if source else None
        if self.source:
            # A property, where the CDK's own would be a custom resource.
            made = cast(s3.CfnBucket, self.source.node.default_child)
            made.add_property_override("NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled", True)
        keep_policies(self, self._removal)
        if not retain:
            buckets = [bucket for bucket in (self.artifacts, self.source, logs) if bucket]
            Emptier(self, "Emptier", stage=names.DELIVERY, buckets=buckets, groups=False)
        acknowledge(self, _ACKNOWLEDGED)

    def _bucket(self, id: str, logs: s3.Bucket | None, expiration_days: int | None) -> s3.Bucket:
        encryption: dict[str, Any] = {"encryption": s3.BucketEncryption.S3_MANAGED}
        if logs:
            encryption = {
                "encryption": s3.BucketEncryption.KMS,
                "encryption_key": self.key,
                "bucket_key_enabled": True,
                "server_access_logs_bucket": logs,
                "server_access_logs_prefix": f"{id.lower()}/",
            }
        return s3.Bucket(
            self,
            id,
            bucket_name=names.delivery_bucket(id.lower(), self._arns.account, self._arns.region),
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="expire-what-nothing-refers-to",
                    abort_incomplete_multipart_upload_after=Duration.days(_UPLOADS_EXPIRE_DAYS),
                    noncurrent_version_expiration=Duration.days(_NONCURRENT_DAYS),
                    expiration=Duration.days(expiration_days) if expiration_days else None,
                )
            ],
            removal_policy=self._removal,
            **encryption,
        )


def key_alias_arn(partition: str, region: str, account: str) -> str:
    """The ARN of the alias of a region's key."""
    return f"arn:{partition}:kms:{region}:{account}:{names.key_alias(names.DELIVERY)}"
