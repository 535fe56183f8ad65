"""The images of an account in a region."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import Environment, Stack
from constructs import Construct

from modelyard.constructs.container_image import ContainerImage
from modelyard.settings import Stage

CONTAINERS = Path(__file__).parent.parent / "containers"


class ImageStack(Stack):
    """The repositories of the images in `modelyard/containers`, shared by all stages of an account and region.

    Args:
        stages: the stages that share it. The repositories are retained unless all of them are disposable, and adopted
            where one of them adopts.
        containers: folder of the images' folders. Default: `modelyard/containers`.

    Attributes:
        images: the images by folder name.
    """

    def __init__(self, scope: Construct, id: str, *, stages: Sequence[Stage], containers: Path = CONTAINERS) -> None:
        retain = not all(stage.disposable for stage in stages)
        super().__init__(
            scope,
            id,
            description="Modelyard: image repositories",
            env=Environment(account=stages[0].account, region=stages[0].region),
            termination_protection=retain,
        )
        adopt = any(stage.adopt for stage in stages)
        self.images: Mapping[str, ContainerImage] = {
            folder.name: ContainerImage(self, folder.name.capitalize(), folder=folder, retain=retain, adopt=adopt)
            for folder in (dockerfile.parent for dockerfile in sorted(containers.glob("*/Dockerfile")))
        }
