"""The stacks of the platform; only they compose constructs and grant access between them."""

from modelyard.stacks.delivery_stack import DeliveryStack
from modelyard.stacks.foundation_stack import FoundationStack
from modelyard.stacks.image_stack import ImageStack
from modelyard.stacks.platform import add_platform
from modelyard.stacks.platform_stage import PlatformStage
from modelyard.stacks.project_stack import ProjectStack
from modelyard.stacks.serving_stack import ServingStack

__all__ = [
    "DeliveryStack",
    "FoundationStack",
    "ImageStack",
    "PlatformStage",
    "ProjectStack",
    "ServingStack",
    "add_platform",
]
