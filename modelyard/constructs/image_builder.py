"""What builds images."""

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import CustomResource, Duration
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from modelyard.constructs.handler import Handler, log_group_of
from modelyard.constructs.permissions import acknowledge, acknowledge_wildcards
from modelyard.constructs.provider import ResourceProvider

BUILDSPEC = Path(__file__).parent.parent / "buildspecs" / "image.yaml"
"""What a build does."""

# With Docker and buildx: https://docs.aws.amazon.com/codebuild/latest/userguide/available-runtimes.html
_ENVIRONMENT = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
_BUILD_MINUTES = 45
_QUEUED_MINUTES = 10
_TIMEOUT = Duration.hours(1)  # the longest that CloudFormation waits for a custom resource
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
_PUSH = [
    *("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload"),
    *("ecr:PutImage", "ecr:UploadLayerPart"),
]
_PROJECT = {
    "AwsSolutions-CB3": "Docker builds images in privileged mode only; what is built are folders of this repository",
    "AwsSolutions-CB4": "a build makes no artefact that a key would encrypt: the image goes to ECR",
}


class ImageBuilder(Construct):
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
        self._latest: CustomResource | None = None
        log_group = log_group_of(self)
        self._role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("codebuild.amazonaws.com"))
        project = codebuild.CfnProject(
            self,
            "Project",
            description=description,
            service_role=self._role.role_arn,
            source={"type": "NO_SOURCE", "buildSpec": BUILDSPEC.read_text()},
            artifacts={"type": "NO_ARTIFACTS"},
            environment={
                "type": "LINUX_CONTAINER",
                "computeType": "BUILD_GENERAL1_SMALL",
                "image": _ENVIRONMENT,
                "privilegedMode": True,
            },
            logs_config={"cloudWatchLogs": {"status": "ENABLED", "groupName": log_group.log_group_name}},
            timeout_in_minutes=_BUILD_MINUTES,
            queued_timeout_in_minutes=_QUEUED_MINUTES,
        )
        acknowledge(project, _PROJECT)
        self._handler = Handler(
            self,
            "Handler",
            folder="images",
            handler="handler.handle",
            description=f"{description}: starts and awaits them",
            environment={"PROJECT": project.ref},
        )
        self._provider = ResourceProvider(
            self,
            "Provider",
            on_event=self._handler.function,
            is_complete=self._handler.function,
            total_timeout=_TIMEOUT,
        )
        log_group.grant_write(self._role)
        self._allow(self._role, ["ecr:GetAuthorizationToken"], "*")
        acknowledge_wildcards(self._role, {"*": "the action has no resource-level permissions"})
        permissions = self._handler.permissions
        permissions.allow(
            ["codebuild:BatchGetBuilds", "codebuild:ListBuildsForProject", "codebuild:StartBuild"], project.attr_arn
        )
        permissions.allow(["logs:GetLogEvents"], log_group.log_group_arn)
        permissions.attach()

    def build(
        self,
        scope: Construct,
        id: str,
        *,
        repository: ecr.IRepository,
        repository_uri: str,
        tag: str,
        source: assets.Asset,
        build_args: Mapping[str, str],
    ) -> str:
        """Have an image in a repository, building it where it is not there.

        Args:
            repository: the image's.
            repository_uri: of `repository`, without any reference to it.
            tag: the image's; what is there already under this tag is not built again.
            source: the folder with the Dockerfile.
            build_args: the Dockerfile's arguments.

        Returns:
            The image's URI by digest, known when the image is there.
        """
        archive = source.bucket.arn_for_objects(source.s3_object_key)
        self._allow(self._role, ["s3:GetObject", "s3:GetObjectVersion"], archive)
        # https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html
        self._allow(self._role, ["s3:GetBucketAcl", "s3:GetBucketLocation"], source.bucket.bucket_arn)
        self._allow(self._role, _PUSH, repository.repository_arn)
        self._allow(self._handler.role, ["ecr:BatchGetImage"], repository.repository_arn)
        image = CustomResource(
            scope,
            id,
            service_token=self._provider.service_token,
            resource_type="Custom::ModelyardImage",
            properties={
                "RepositoryUri": repository_uri,
                "Tag": tag,
                "Source": f"{source.s3_bucket_name}/{source.s3_object_key}",
                "BuildArguments": dict(build_args),
            },
            service_timeout=_TIMEOUT,
        )
        image.node.add_dependency(repository, self._role, self._handler.role)
        if self._latest is not None:
            image.node.add_dependency(self._latest)
        self._latest = image
        return image.get_att_string("ImageUri")

    @staticmethod
    def _allow(role: iam.Role, actions: list[str], resource: str) -> None:
        statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
        role.add_to_policy(iam.PolicyStatement.from_json(statement))
