"""What CodeBuild does for the delivery pipeline."""

from collections.abc import Sequence
from pathlib import Path

from aws_cdk import RemovalPolicy
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from modelyard import names
from modelyard.constructs.delivery_store import DeliveryStore
from modelyard.constructs.part import Part
from modelyard.constructs.permissions import Permissions
from modelyard.constructs.resource import service_principal, token

__all__ = ["DeliveryBuilds"]

BUILDSPECS = Path(__file__).parent.parent / "buildspecs"
# https://docs.aws.amazon.com/codebuild/latest/userguide/available-runtimes.html
_ENVIRONMENT = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
_OBJECTS = "CodePipeline draws the names of artifacts"


class DeliveryBuilds(Part):
    """A CodeBuild project that verifies a commit, and one that publishes the assets of its assembly.

    Each runs a file of `modelyard/buildspecs` by a role of its own: to verify it may read and write artifacts, to
    publish also assume the roles that `cdk bootstrap` makes for that. No build has other credentials.

    Args:
        store: where artifacts are kept.
        publishing_roles: ARNs of the roles that publishing assets to the stages' accounts and regions takes.
    """

    def __init__(self, scope: Construct, id: str, *, store: DeliveryStore, publishing_roles: Sequence[str]) -> None:
        super().__init__(scope, id)
        self._store = store
        self._add("verify", "lints, tests and synthesises a commit", "BUILD_GENERAL1_MEDIUM", ())
        self._add("assets", "publishes the assets of a commit", "BUILD_GENERAL1_SMALL", publishing_roles)

    def _add(self, purpose: str, description: str, compute_type: str, roles: Sequence[str]) -> None:
        name = names.delivery_project(purpose)
        id = purpose.capitalize()
        log_group = logs.LogGroup(
            self, f"{id}Logs", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY
        )
        role = iam.Role(self, f"{id}Role", role_name=name, assumed_by=service_principal("codebuild.amazonaws.com"))
        permissions = Permissions()
        permissions.allow(["logs:CreateLogStream", "logs:PutLogEvents"], token(log_group, "log_group_arn"))
        permissions.allow(
            ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], self._store.objects, because=_OBJECTS
        )
        permissions.allow(["s3:GetBucketAcl", "s3:GetBucketLocation"], token(self._store.artifacts, "bucket_arn"))
        permissions.allow(["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"], token(self._store.key, "key_arn"))
        if roles:
            permissions.allow(["sts:AssumeRole"], *roles)
        permissions.attach(role)
        codebuild.CfnProject(
            self,
            f"{id}Project",
            name=name,
            description=f"Modelyard: {description}",
            service_role=token(role, "role_arn"),
            source={"type": "CODEPIPELINE", "buildSpec": (BUILDSPECS / f"{purpose}.yaml").read_text()},
            artifacts={"type": "CODEPIPELINE"},
            encryption_key=token(self._store.key, "key_arn"),
            environment={"type": "LINUX_CONTAINER", "computeType": compute_type, "image": _ENVIRONMENT},
            logs_config={"cloudWatchLogs": {"status": "ENABLED", "groupName": token(log_group, "log_group_name")}},
            timeout_in_minutes=60,
            queued_timeout_in_minutes=60,
        ).node.add_dependency(role)
