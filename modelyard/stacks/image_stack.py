"""The images of an account in a region."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import Stack
from constructs import Construct

from modelyard.constructs.container_image import ContainerImage
from modelyard.constructs.container_images import ContainerImages
from modelyard.constructs.image_builder import ImageBuilder
from modelyard.image_folders import CONTAINERS
from modelyard.settings import Delivery, Stage
from modelyard.stacks.base import PlatformStack


class ImageStack(PlatformStack):
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
        account = delivery.account if delivery else stages[0].account
        abroad = sorted({stage.account for stage in stages} - {account})
        boundary = (delivery.permissions_boundary if delivery else None) or next(
            (stage.permissions_boundary for stage in stages if stage.permissions_boundary and stage.account == account),
            None,
        )
        super().__init__(
            scope,
            id,
            stack_name=stack_name,
            description="Modelyard: images",
            account=account,
            region=stages[0].region,
            protected=self._retain,
            permissions_boundary=boundary,
        )
        self._images = ContainerImages(
            self,
            builder=ImageBuilder(self, "Builder", description="Modelyard: builds images"),
            folder=containers,
            retain=self._retain,
            adopt=any(stage.adopt for stage in stages),
            pulled_from=abroad,
        )

    def images_for(self, *, accelerated: bool) -> Mapping[str, ContainerImage]:
        """The images of a project by folder: of a folder with variants the one that suits its instance types.

        Raises:
            ConfigurationError: on reading an image whose `variants.json` is wrong.
        """
        return self._images.suitable(accelerated=accelerated)

    def handed_to(self, stack: Stack) -> list[str]:
        """The parameters of a stack in another account that are to be given this one's outputs of the same names."""
        return [id for image in self._images.made() for user, id in image.handed_over if user is stack]
