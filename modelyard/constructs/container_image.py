"""An image for jobs and endpoints, built from a folder."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from aws_cdk import CfnOutput, CfnParameter, Stack
from aws_cdk import aws_ecr as ecr
from constructs import Construct

from modelyard import names
from modelyard.constructs.arns import Arns
from modelyard.constructs.file_assets import file_asset
from modelyard.constructs.image_builder import ImageBuilder
from modelyard.constructs.image_variants import FILE, check_build_args
from modelyard.constructs.parameter_registry import add_parameter
from modelyard.constructs.part import Part, stack_of
from modelyard.constructs.permissions import document
from modelyard.constructs.removal import removal_policy
from modelyard.constructs.sources import NOT_SOURCES
from modelyard.settings import ConfigurationError

_TAG_LENGTH = 16
_EXCLUDED = (*NOT_SOURCES, f"/{FILE}")
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
_LIFECYCLE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "description": "untagged images are used by nothing",
                "selection": {
                    "tagStatus": "untagged",
                    "countType": "sinceImagePushed",
                    "countNumber": 14,
                    "countUnit": "days",
                },
                "action": {"type": "expire"},
            }
        ]
    }
)
_PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer"]
_PLATFORM_ROLES = (f"{names.STACKS}*", names.delivery_role("*", "*"))


class ContainerImage(Part):
    """An image that is in its ECR repository once its stack is deployed: built where it is not there yet.

    The tag is a hash of the folder's content and the build arguments, so an image is never replaced and a changed
    folder is a new image. Whatever runs the image names it by its digest, see `uri_for`; people find the digest's URI
    in the SSM parameter `/modelyard/images/<name>/uri`.

    The life cycle expires only untagged images: a tagged one may be what a registered model version runs on.

    Args:
        folder: holds `Dockerfile`.
        builder: builds the image; of the same stack.
        variant: tells images of the same folder apart. Default: the folder makes one image.
        build_args: arguments of the Dockerfile. Default: those that it states.
        namespace: goes before its name. Default: nothing.
        build: whether it is built although no stack asks for its URI. Default: it is; else there is only its
            repository until one asks.
        retain: whether the repository and its images outlive the stack. Default: they do.
        adopt: whether to refer to the repository that an earlier deployment retained. Default: make it.
        pulled_from: other accounts whose roles of the platform may pull it. Default: none.

    Attributes:
        name: namespace, the folder's name and the variant, with slashes between those that there are.
        repository: the repository.
        repository_name: its name, `modelyard/<name>`.
        tag: the image's tag.
        handed_over: the stacks of other accounts that run it, and their parameters of its URI.

    Raises:
        ConfigurationError: there is no `Dockerfile` in the folder, or a build argument is none.

    Example:
        >>> builder = ImageBuilder(stack, "Builder", description="Builds images")
        >>> image = ContainerImage(stack, "Image", folder=Path("containers/tabular"), builder=builder)
        >>> image.name
        'tabular'
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        folder: Path,
        builder: ImageBuilder,
        variant: str = "",
        build_args: Mapping[str, str] | None = None,
        namespace: str = "",
        build: bool = True,
        retain: bool = True,
        adopt: bool = False,
        pulled_from: Sequence[str] = (),
    ) -> None:
        super().__init__(scope, id)
        if not (folder / "Dockerfile").is_file():
            raise ConfigurationError(f"{folder}: no Dockerfile there; a container image is made from a folder with one")
        self._builder = builder
        self.handed_over: list[tuple[Stack, str]] = []
        self._build_args = dict(build_args or {})
        self._uri = ""
        self._uris: dict[Stack, str] = {}
        check_build_args("build_args", self._build_args)
        self.name = names.image(folder.name, variant, namespace)
        self._source = file_asset(self, folder, exclude=_EXCLUDED)
        content = json.dumps([self._source.asset_hash, self._build_args], sort_keys=True)
        self.tag = hashlib.sha256(content.encode()).hexdigest()[:_TAG_LENGTH]
        self.repository_name = names.repository(self.name)
        self._made = None if adopt else self._make_repository(retain, pulled_from)
        if build:
            self._build()

    @cached_property
    def repository(self) -> ecr.IRepository:
        """The repository, for what the CDK builds upon it; its policy is that of `pulled_from` alone."""
        repository = ecr.Repository.from_repository_name(self, "Known", self.repository_name)
        if self._made:
            repository.node.add_dependency(self._made)
        return repository

    def uri_for(self, user: Construct) -> str:
        """The image's URI by digest, for the stack of `user`; that stack is deployed after the image's.

        Another stack reads it from an SSM parameter whose name holds the tag. An export would not do: CloudFormation
        refuses to change one that is in use, and this one changes with every image. As the name is in the user's
        template, a new image changes that, and so is deployed.

        A stack in another account cannot read it. It has a parameter without a default, and the stack of the image an
        output of the same name: whoever deploys them hands it over, each time. So a new image need not change the name.
        """
        self._build()
        its = stack_of(user)
        if its is self.stack:
            return self._uri
        if its not in self._uris:
            self._uris[its] = self._hand_over(its)
        return self._uris[its]

    def _hand_over(self, its: Stack) -> str:
        own = self.stack
        its.add_stack_dependency(own)
        abroad = Arns.of(own).account != Arns.of(its).account
        # A parameter of the same id would keep its former value, whatever its default: the CDK asks for that.
        told_apart = hashlib.sha256(self.name.encode()).hexdigest()[:_TAG_LENGTH] if abroad else self.tag
        id = "Image" + "".join(part.capitalize() for part in re.split(r"[^a-z0-9]", self.name)) + told_apart
        if abroad and not self.handed_over:
            CfnOutput(own, id, value=self._uri, description=f"URI of the image {self.name}, by digest")
        if abroad:
            self.handed_over.append((its, id))
        return CfnParameter(
            its,
            id,
            type="String" if abroad else "AWS::SSM::Parameter::Value<String>",
            default=None if abroad else names.image_parameter(self.name, self.tag),
            description=f"URI of the image {self.name}, by digest",
        ).value_as_string

    def _build(self) -> None:
        if self._uri:
            return
        arns = Arns.of(self.stack)
        registry = f"{arns.account}.dkr.ecr.{arns.region}.{self.stack.url_suffix}"
        self._uri = self._builder.build(
            self,
            "Image",
            repository_arn=arns.arn("ecr", f"repository/{self.repository_name}"),
            repository_uri=f"{registry}/{self.repository_name}",
            after=[self._made] if self._made else [],
            tag=self.tag,
            source=self._source,
            build_args=self._build_args,
        )
        self._parameter("Uri", names.image_parameter(self.name), f"latest image {self.name}")
        self._parameter("Tagged", names.image_parameter(self.name, self.tag), f"image {self.name} of this tag")

    def _parameter(self, id: str, name: str, description: str) -> None:
        add_parameter(self, id, name=name, value=self._uri, description=description)

    def _make_repository(self, retain: bool, pulled_from: Sequence[str]) -> ecr.CfnRepository:
        repository = ecr.CfnRepository(
            self,
            "Repository",
            repository_name=self.repository_name,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration={"scanOnPush": True},
            lifecycle_policy={"lifecyclePolicyText": _LIFECYCLE},
            # One that is retained is deleted, and so emptied, only by the roll back of the deployment that made it.
            empty_on_delete=True,
            repository_policy_text=_pulled_by(Arns.of(self).partition, pulled_from) if pulled_from else None,
        )
        repository.apply_removal_policy(removal_policy(retain))
        return repository


def _pulled_by(partition: str, accounts: Sequence[str]) -> dict[str, Any]:
    """Lets the roles of the platform in other accounts pull, and look up a digest.

    CloudFormation draws the names of the roles that SageMaker assumes, from those of their stacks.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policy-examples.html
    """
    roles = [f"arn:{partition}:iam::{account}:role/{name}" for account in accounts for name in _PLATFORM_ROLES]
    statement = {
        "Sid": "StagesPull",
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:{partition}:iam::{account}:root" for account in accounts]},
        "Action": _PULL,
        "Condition": {"ArnLike": {"aws:PrincipalArn": roles}},
    }
    return document([statement])
