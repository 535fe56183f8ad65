"""What builds images."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import CfnResource
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3_assets as assets
from constructs import Construct, IConstruct

from modelyard.constructs.arns import Arns
from modelyard.constructs.handler import WRITE_LOG, allow_log
from modelyard.constructs.part import Part
from modelyard.constructs.permissions import Permissions, acknowledge, trust
from modelyard.constructs.provider import ResourceProvider
from modelyard.constructs.resource import add_custom_resource, token

BUILDSPEC = Path(__file__).parent.parent / "buildspecs" / "image.yaml"
"""What a build does."""

# With Docker and buildx: https://docs.aws.amazon.com/codebuild/latest/userguide/available-runtimes.html
_ENVIRONMENT = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
_BUILD_MINUTES = 45
_QUEUED_MINUTES = 10
_TIMEOUT_SECONDS = 3600  # the longest that CloudFormation waits for a custom resource
_WAITS_SECONDS = 3300  # so that it is told why before it stops waiting, also where Lambda had to try again
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
_PUSH = [
    *("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload"),
    *("ecr:PutImage", "ecr:UploadLayerPart"),
]
_PROJECT = {
    "AwsSolutions-CB3": "Docker builds images in privileged mode only; what is built are folders of this repository",
    "AwsSolutions-CB4": "a build makes no artefact that a key would encrypt: the image goes to ECR",
}


class ImageBuilder(Part):
    """A CodeBuild project that builds container images, and the custom resource that asks it to.

    One project serves all images: what a build is given are the image's source, URI and build arguments. Its role may
    read the sources and push to the repositories of the images that `build` was called for, and write its log.

    Images are built one after the other, in the order of those calls: a new account runs one build at a time, and one
    that waits too long for its turn has failed.

    Args:
        description: shown by CodeBuild and Lambda.

    Example:
        >>> builder = ImageBuilder(stack, "Builder", description="Builds images")
        >>> images = [
        ...     ContainerImage(stack, name, folder=Path("containers") / name, builder=builder)
        ...     for name in ("tabular", "asr")
        ... ]
    """

    def __init__(self, scope: Construct, id: str, *, description: str) -> None:
        super().__init__(scope, id)
        self._latest: CfnResource | None = None
        log_group = logs.CfnLogGroup(self, "Logs", retention_in_days=30)
        self._role = iam.CfnRole(self, "Role", assume_role_policy_document=trust("codebuild.amazonaws.com"))
        self._permissions = Permissions()
        project = codebuild.CfnProject(
            self,
            "Project",
            description=description,
            service_role=self._role.attr_arn,
            source={"type": "NO_SOURCE", "buildSpec": BUILDSPEC.read_text()},
            artifacts={"type": "NO_ARTIFACTS"},
            environment={
                "type": "LINUX_CONTAINER",
                "computeType": "BUILD_GENERAL1_SMALL",
                "image": _ENVIRONMENT,
                "privilegedMode": True,
            },
            logs_config={"cloudWatchLogs": {"status": "ENABLED", "groupName": token(log_group, "ref")}},
            timeout_in_minutes=_BUILD_MINUTES,
            queued_timeout_in_minutes=_QUEUED_MINUTES,
        )
        acknowledge(project, _PROJECT)
        self._provider = ResourceProvider(
            self,
            "Provider",
            folder="images",
            module="handler",
            description=f"{description}: starts and awaits them",
            environment={"PROJECT": project.ref},
            waits_seconds=_WAITS_SECONDS,
        )
        log = token(log_group, "ref")
        allow_log(self._permissions, self, log, WRITE_LOG)
        self._permissions.allow(
            ["ecr:GetAuthorizationToken"], "*", because="the action has no resource-level permissions"
        )
        permissions = self._provider.handler.permissions
        permissions.allow(
            ["codebuild:BatchGetBuilds", "codebuild:ListBuildsForProject", "codebuild:StartBuild"], project.attr_arn
        )
        allow_log(permissions, self, log, ["logs:GetLogEvents"])

    def build(
        self,
        scope: Construct,
        id: str,
        *,
        repository_arn: str,
        repository_uri: str,
        tag: str,
        source: assets.Asset,
        build_args: Mapping[str, str],
        after: Sequence[IConstruct] = (),
    ) -> str:
        """Have an image in a repository, building it where it is not there.

        Args:
            repository_arn: of the image's repository.
            repository_uri: of the same.
            tag: the image's; what is there already under this tag is not built again.
            source: the folder with the Dockerfile.
            build_args: the Dockerfile's arguments.
            after: what must be there first, such as the repository. Default: nothing.

        Returns:
            The image's URI by digest, known when the image is there.
        """
        bucket = f"arn:{Arns.of(self).partition}:s3:::{source.s3_bucket_name}"
        permissions = self._permissions
        permissions.allow(["s3:GetObject", "s3:GetObjectVersion"], f"{bucket}/{source.s3_object_key}")
        # https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html
        permissions.allow(["s3:GetBucketAcl", "s3:GetBucketLocation"], bucket)
        permissions.allow(_PUSH, repository_arn)
        self._role.policies = permissions.policies()
        permissions.acknowledge(self._role, self)
        handler = self._provider.handler
        handler.permissions.allow(["ecr:BatchGetImage"], repository_arn)
        handler.attach()
        image = add_custom_resource(
            scope,
            id,
            "Custom::ModelyardImage",
            service_token=self._provider.service_token,
            service_timeout_seconds=_TIMEOUT_SECONDS,
            properties={
                "RepositoryUri": repository_uri,
                "Tag": tag,
                "Source": f"{source.s3_bucket_name}/{source.s3_object_key}",
                "BuildArguments": dict(build_args),
            },
        )
        image.node.add_dependency(*after, self._role, self._provider)
        if self._latest is not None:
            image.node.add_dependency(self._latest)
        self._latest = image
        return image.get_att("ImageUri").to_string()
