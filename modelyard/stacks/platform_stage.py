"""What the projects of a stage share."""

from dataclasses import dataclass

from modelyard.settings import Stage
from modelyard.stacks.foundation_stack import FoundationStack
from modelyard.stacks.image_stack import ImageStack
from modelyard.stacks.serving_stack import ServingStack


@dataclass(frozen=True)
class PlatformStage:
    """The shared stacks of a stage, which a `ProjectStack` stands on.

    Attributes:
        settings: the stage.
        images: the images of its account and region.
        foundation: its key, buckets, ledger and roles.
        serving: its approval hook.

    Example:
        >>> app = create_app(Path("."))
        >>> stage = Stage(name="dev", account="111122223333", region="us-east-1")
        >>> images = ImageStack(app, "Images", stages=[stage])
        >>> foundation = FoundationStack(app, "Foundation", stage=stage)
        >>> serving = ServingStack(app, "Serving", stage=stage, foundation=foundation)
        >>> shared = PlatformStage(stage, images, foundation, serving)
        >>> project = Project(name="abalone", endpoint=EndpointSettings(instance_type="ml.m5.large"))
        >>> abalone = ProjectStack(app, "Abalone", stage=shared, project=project)
    """

    settings: Stage
    images: ImageStack
    foundation: FoundationStack
    serving: ServingStack
