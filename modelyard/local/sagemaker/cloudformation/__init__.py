"""CloudFormation's SageMaker resource types, provisioned by the local SageMaker's own operations."""

from __future__ import annotations

from modelyard.local.sagemaker.cloudformation.provisioner import Provisioner
from modelyard.local.sagemaker.cloudformation.types import RESOURCE_TYPES
from modelyard.local.sagemaker.context import SageMaker

__all__ = ["start"]


def start(service: SageMaker) -> None:
    """Let CloudFormation provision the types of SageMaker that are served."""
    for resource_type in RESOURCE_TYPES:
        provisioner = Provisioner(service, resource_type)
        service.emulator.register_resource_type(
            resource_type.name,
            create=provisioner.create,
            update=provisioner.update,
            delete=provisioner.delete,
            tags_property="Tags",
        )
