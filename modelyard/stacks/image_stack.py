"""The images of an account in a region."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from aws_cdk import Environment, PermissionsBoundary, Stack
from constructs import Construct

from modelyard.constructs.container_image import ContainerImage
from modelyard.constructs.image_builder import ImageBuilder
from modelyard.constructs.image_variants import Variant, variant_of, variants_of
from modelyard.image_folders import CONTAINERS, image_folders
from modelyard.settings import Delivery, Stage
from modelyard.stacks.base import acknowledge_for_platform


class ImageStack(Stack):
    """The images that projects run, and what builds them; shared by all stages of an account and region.

    An image comes into the stack when a project's pipeline first refers to it, so that none is built that nobody runs.
    With it come the repositories of the other variants of its folder: those that a project ran before, or runs again,
    hold what approved versions run on.

    Args:
        stages: the stages that share it. The repositories are retained unless all of them are disposable, and adopted
            where one of them adopts. Its roles have the first permissions boundary that one of them has.
        delivery: what builds its images for stages in whatever account: it stands in the delivery's, and those of other
            accounts may pull from it. Default: it stands in the account of its stages.
        stack_name: its name in CloudFormation. Default: `id`.
        containers: folder of images' folders of your own; they come before the library's, where the names are equal.
            Default: only the library's.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stages: Sequence[Stage],
        delivery: Delivery | None = None,
        stack_name: str | None = None,
        containers: Path = CONTAINERS,
    ) -> None:
        self._retain = not all(stage.disposable for stage in stages)
        self._adopt = any(stage.adopt for stage in stages)
        account = delivery.account if delivery else stages[0].account
        self._abroad = sorted({stage.account for stage in stages} - {account})
        boundary = (delivery.permissions_boundary if delivery else None) or next(
            (stage.permissions_boundary for stage in stages if stage.permissions_boundary and stage.account == account),
            None,
        )
        super().__init__(
            scope,
            id,
            stack_name=stack_name,
            description="Modelyard: images",
            env=Environment(account=account, region=stages[0].region),
            termination_protection=self._retain,
            permissions_boundary=PermissionsBoundary.from_arn(boundary) if boundary else None,
        )
        acknowledge_for_platform(self)
        self._folders = image_folders(containers)
        self._images: dict[str, dict[str, ContainerImage]] = {}
        self._builder = ImageBuilder(self, "Builder", description="Modelyard: builds images")

    def images_for(self, *, accelerated: bool) -> Mapping[str, ContainerImage]:
        """The images of a project by folder: of a folder with variants the one that suits its instance types.

        Raises:
            ConfigurationError: on reading an image whose `variants.json` is wrong.
        """
        return _Images(self, accelerated)

    def handed_to(self, stack: Stack) -> list[str]:
        """The parameters of a stack in another account that are to be given this one's outputs of the same names."""
        images = [image for variants in self._images.values() for image in variants.values()]
        return [id for image in images for user, id in image.handed_over if user is stack]

    def _image(self, folder: str, accelerated: bool) -> ContainerImage:
        path = self._folders[folder]
        if folder not in self._images:
            self._images[folder] = {variant.name: self._variant(path, variant) for variant in variants_of(path)}
        return self._images[folder][variant_of(path, accelerated=accelerated).name]

    def _variant(self, folder: Path, variant: Variant) -> ContainerImage:
        return ContainerImage(
            self,
            folder.name.capitalize() + variant.name.capitalize(),
            folder=folder,
            builder=self._builder,
            variant=variant.name,
            build_args=variant.build_args,
            build=False,
            retain=self._retain,
            adopt=self._adopt,
            pulled_from=self._abroad,
        )


class _Images(Mapping[str, ContainerImage]):
    """Makes an image when it is first read."""

    def __init__(self, stack: ImageStack, accelerated: bool) -> None:
        self._stack = stack
        self._accelerated = accelerated

    def __getitem__(self, folder: str) -> ContainerImage:
        return self._stack._image(folder, self._accelerated)

    def __contains__(self, folder: object) -> bool:
        return folder in self._stack._folders

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._stack._folders))

    def __len__(self) -> int:
        return len(self._stack._folders)
