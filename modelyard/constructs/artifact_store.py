"""Where a stage keeps its data, its models and what its endpoints record."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Duration, RemovalPolicies, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from modelyard import names
from modelyard.constructs.arns import Arns
from modelyard.constructs.part import Part
from modelyard.constructs.permissions import Permissions, acknowledge, policy_document
from modelyard.constructs.removal import removal_policy
from modelyard.constructs.resource import token
from modelyard.constructs.stage_of import stage_of

_LOGS_BY_POLICY = "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy"
_BY_ALIAS = "an adopted key is known by its alias alone, which the condition of the statement names"
_ACKNOWLEDGED = {
    "NIST.800.53.R5-S3BucketReplicationEnabled": "versions and the refusal to expire guard against loss by mistake; a "
    "copy in another region is for whoever owns the data to decide, and its bucket is not the stage's",
    "NIST.800.53.R5-S3DefaultEncryptionKMS": "S3 delivers access logs to buckets with its own encryption only",
}
_NONCURRENT = Duration.days(90)
_LOGS_EXPIRE = Duration.days(365)
_UPLOADS_EXPIRE = Duration.days(7)
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html (KmsKeyId)
_GRANT, _VOLUME = ["kms:CreateGrant"], ["kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"]
_FOR_SERVICES = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
_CLOSED = s3.BlockPublicAccess.BLOCK_ALL


def allow_volumes(role: iam.IRole, key: kms.IKey) -> None:
    """Let `role` have volumes encrypted with a key that is not a store's."""
    arn = [token(key, "key_arn")]
    role.add_to_principal_policy(iam.PolicyStatement(actions=_GRANT, resources=arn, conditions=_FOR_SERVICES))
    role.add_to_principal_policy(iam.PolicyStatement(actions=_VOLUME, resources=arn))


def key_policy(arns: Arns, *statements: Mapping[str, Any]) -> iam.PolicyDocument:
    """The policy of a key that the policies of its account's roles decide upon, and `statements`."""
    account = f"arn:{arns.partition}:iam::{arns.account}:root"
    own = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "kms:*", "Resource": "*"}
    return policy_document([own, *statements])


def keep_policies(scope: Construct, removal: RemovalPolicy) -> None:
    """Let the policies of the buckets in `scope` be removed, or not, as the buckets are."""
    RemovalPolicies.of(scope).apply(removal, apply_to_resource_types=["AWS::S3::BucketPolicy"])


class ArtifactStore(Part):
    """A KMS key and four buckets: data, artifacts, capture and access logs.

    Every bucket is encrypted, versioned, closed to the public and refuses requests without TLS 1.2. The life cycle
    expires incomplete uploads after 7 days, versions of an object that are no longer current after 90, and access logs
    after a year; it never expires a current object, so that whatever a registered model version refers to stays.

    The names of the key's alias and of the buckets are a contract (`modelyard.names`): it lets a later deployment adopt
    them.

    Args:
        stage: name of the stage. Default: made of the stack's name.
        retain: whether key and buckets outlive the stack. Default: they do.
        adopt: whether to refer to the key and the buckets that an earlier deployment retained. Default: make them.

    Attributes:
        stage: name of the stage.
        retain: whether key and buckets outlive the stack.
        key: encrypts the data, artifacts and capture buckets and whatever else the stage encrypts.
        data: what pipelines read; it tells EventBridge of its objects.
        artifacts: what pipelines write.
        capture: what endpoints record.
        logs: access logs of the other buckets; encrypted by S3, since log delivery writes with no other key.

    Example:
        >>> store = ArtifactStore(stack, "Store", stage="age")
        >>> allowed = store.data.grant_write(role)
    """

    def __init__(
        self, scope: Construct, id: str, *, stage: str | None = None, retain: bool = True, adopt: bool = False
    ) -> None:
        super().__init__(scope, id)
        # A bare App knows no feature flag, and S3's ACLs do not go with the ownership of objects that is asked for.
        self.node.set_context(_LOGS_BY_POLICY, True)
        self.stage = stage_of(self, stage)
        self.retain = retain or adopt
        self._adopted = adopt
        self._removal = removal_policy(retain)
        self._arns = Arns.of(scope)
        self.key: kms.IKey = self._adopt_key() if adopt else self._make_key()
        bucket = self._adopt_bucket if adopt else self._make_bucket
        self.logs: s3.IBucket = bucket("Logs", None)
        self.data: s3.IBucket = bucket("Data", self.logs)
        _tell_of_objects(self.data)
        self.artifacts: s3.IBucket = bucket("Artifacts", self.logs)
        self.capture: s3.IBucket = bucket("Capture", self.logs)
        if not adopt:
            # An adopted bucket still refuses requests without TLS.
            keep_policies(self, self._removal)
        acknowledge(self, _ACKNOWLEDGED)

    @property
    def buckets(self) -> tuple[s3.IBucket, ...]:
        """The four buckets."""
        return self.data, self.artifacts, self.capture, self.logs

    def allow_key(self, role: Permissions, *actions: str) -> None:
        """Let `role` do `actions` with the key."""
        self._allow(role, actions, {})

    def allow_volumes(self, role: Permissions) -> None:
        """Let `role` have volumes encrypted with the key, for which it makes a grant to the service."""
        self._allow(role, _GRANT, _FOR_SERVICES)
        self._allow(role, _VOLUME, {})

    def _allow(self, role: Permissions, actions: Sequence[str], conditions: dict[str, dict[str, str]]) -> None:
        if not self._adopted:
            role.allow(actions, token(self.key, "key_arn"), conditions=conditions)
            return
        any_key = self._arns.arn("kms", "key/*")
        alias = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": names.key_alias(self.stage)}}
        role.allow(actions, any_key, because=_BY_ALIAS, conditions={**conditions, **alias})

    def _make_key(self) -> kms.Key:
        # EventBridge writes to the encrypted dead-letter queue, alarms to the encrypted topic. A rule could not write
        # to the topic: what is asked of the key then has no source account
        # (https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html).
        events_and_alarms = {
            "Effect": "Allow",
            "Principal": {"Service": ["events.amazonaws.com", "cloudwatch.amazonaws.com"]},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:SourceAccount": self._arns.account}},
        }
        key = kms.Key(
            self,
            "Key",
            description=f"Modelyard stage {self.stage}",
            enable_key_rotation=True,
            removal_policy=self._removal,
            pending_window=Duration.days(7),
            policy=key_policy(self._arns, events_and_alarms),
        )
        alias = kms.Alias(self, "KeyAlias", alias_name=names.key_alias(self.stage), target_key=key)
        alias.apply_removal_policy(self._removal)
        return key

    def _adopt_key(self) -> kms.IAlias:
        return kms.Alias.from_alias_name(self, "Key", names.key_alias(self.stage))

    def _bucket_name(self, id: str) -> str:
        return names.bucket_name(self.stage, id.lower(), self._arns.account, self._arns.region)

    def _make_bucket(self, id: str, logs: s3.IBucket | None) -> s3.Bucket:
        return s3.Bucket(
            self,
            id,
            bucket_name=self._bucket_name(id),
            encryption=s3.BucketEncryption.S3_MANAGED if logs is None else s3.BucketEncryption.KMS,
            encryption_key=None if logs is None else self.key,
            bucket_key_enabled=None if logs is None else True,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            block_public_access=_CLOSED,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            server_access_logs_bucket=logs,
            server_access_logs_prefix=None if logs is None else f"{id.lower()}/",
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="expire-what-nothing-refers-to",
                    abort_incomplete_multipart_upload_after=_UPLOADS_EXPIRE,
                    noncurrent_version_expiration=_NONCURRENT,
                    expiration=_LOGS_EXPIRE if logs is None else None,
                )
            ],
            removal_policy=self._removal,
        )

    def _adopt_bucket(self, id: str, logs: s3.IBucket | None) -> s3.IBucket:
        key = None if logs is None else self.key
        return s3.Bucket.from_bucket_attributes(self, id, bucket_name=self._bucket_name(id), encryption_key=key)


def _tell_of_objects(bucket: s3.IBucket) -> None:
    """What `event_bridge_enabled` says, without the custom resource that the CDK says it by."""
    made = bucket.node.default_child
    if isinstance(made, s3.CfnBucket):
        made.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
        )
