"""An image for jobs and endpoints, built from a folder."""

from pathlib import Path

from aws_cdk import Duration, IgnoreMode, RemovalPolicy, Stack, Tags
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from modelyard import names
from modelyard.constructs.sources import NOT_SOURCES
from modelyard.settings import ConfigurationError

_TAG_LENGTH = 16


class ContainerImage(Construct):
    """An ECR repository for the image of a folder, with the folder's sources and the tag that they make.

    The tag is a hash of the folder's content, so an image is never replaced and a changed folder is a new image. The
    repository's tags `modelyard:source` and `modelyard:tag` say where the zipped sources of the image are.

    This construct does not build the image. On AWS, push it by hand before the first job needs it:
    `docker build --provenance=false --output type=docker` in the folder, then `docker push` to `image_uri`, which
    stands in the SSM parameter `/modelyard/images/<folder>/uri`.

    The life cycle expires only untagged images: a tagged one may be what a registered model version runs on.

    Args:
        folder: holds `Dockerfile`; its name is the repository's.
        retain: whether the repository and its images outlive the stack. Default: they do.
        adopt: whether to refer to the repository that an earlier deployment retained. Default: make it.

    Attributes:
        repository: the repository.
        tag: the image's tag.
        image_uri: what jobs and model packages name. It refers to no resource, so that another stack may use it in any
            place; what uses it has to depend on this construct.

    Raises:
        ConfigurationError: there is no `Dockerfile` in the folder.
    """

    def __init__(self, scope: Construct, id: str, *, folder: Path, retain: bool = True, adopt: bool = False) -> None:
        super().__init__(scope, id)
        if not (folder / "Dockerfile").is_file():
            raise ConfigurationError(f"{folder}: no Dockerfile there; a container image is made from a folder with one")
        source = assets.Asset(self, "Source", path=str(folder), exclude=NOT_SOURCES, ignore_mode=IgnoreMode.GIT)
        self.tag = source.asset_hash[:_TAG_LENGTH]
        name = names.repository(folder.name)
        self.repository = (
            ecr.Repository.from_repository_name(self, "Repository", name)
            if adopt
            else self._make_repository(name, source, retain)
        )
        stack = Stack.of(self)
        self.image_uri = f"{stack.account}.dkr.ecr.{stack.region}.{stack.url_suffix}/{name}:{self.tag}"
        ssm.StringParameter(
            self,
            "Uri",
            parameter_name=names.image_parameter(folder.name),
            string_value=self.image_uri,
            description=f"image that the content of containers/{folder.name} makes",
        )

    def _make_repository(self, name: str, source: assets.Asset, retain: bool) -> ecr.Repository:
        repository = ecr.Repository(
            self,
            "Repository",
            repository_name=name,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            image_scan_on_push=True,
            lifecycle_rules=[
                ecr.LifecycleRule(
                    description="untagged images are used by nothing",
                    tag_status=ecr.TagStatus.UNTAGGED,
                    max_image_age=Duration.days(14),
                )
            ],
            removal_policy=RemovalPolicy.RETAIN if retain else RemovalPolicy.DESTROY,
            empty_on_delete=not retain,
        )
        Tags.of(repository).add(names.SOURCE_TAG, source.s3_object_url)
        Tags.of(repository).add(names.IMAGE_TAG, self.tag)
        return repository
