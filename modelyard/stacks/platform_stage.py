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
    """

    settings: Stage
    images: ImageStack
    foundation: FoundationStack
    serving: ServingStack
