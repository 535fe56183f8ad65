"""An ML project in a stage."""

from pathlib import Path

from constructs import Construct

from modelyard import names
from modelyard.constructs.model_registry import ModelRegistry
from modelyard.constructs.parameter_registry import ParameterRegistry
from modelyard.constructs.training_pipeline import TrainingPipeline
from modelyard.settings import ConfigurationError, Project
from modelyard.settings.errors import nearest
from modelyard.stacks.base import StageStack
from modelyard.stacks.platform_stage import PlatformStage

PIPELINE_DEFS = Path(__file__).parent.parent / "pipeline_defs"


class ProjectStack(StageStack):
    """A full MLOps system in one call: model package group, training pipeline and endpoint of an ML project.

    Args:
        stage: the stage's shared stacks.
        project: the project.
        pipeline_defs: folder of the pipelines' folders. Default: `modelyard/pipeline_defs`.

    Attributes:
        registry: the project's model package group.
        pipeline: the project's training pipeline.

    Raises:
        ConfigurationError: there is no such pipeline.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: PlatformStage,
        project: Project,
        pipeline_defs: Path = PIPELINE_DEFS,
    ) -> None:
        settings = stage.settings
        super().__init__(scope, id, stage=settings, description=f"Modelyard {settings.name}: ML project {project.name}")
        name = names.resource_name(settings.name, project.name)
        self.registry = ModelRegistry(
            self,
            "ModelRegistry",
            model_package_group_name=name,
            description=f"Models of {project.name} in {settings.name}",
            retain=not settings.disposable,
            adopt=settings.adopt,
        )
        self.pipeline = TrainingPipeline(
            self,
            "Pipeline",
            pipeline_name=name,
            folder=_pipeline_folder(pipeline_defs, project),
            region=settings.region,
            store=stage.foundation.store,
            roles=stage.foundation.roles,
            registry=self.registry,
            images=stage.images.images,
            parameters=project.parameters,
            network=settings.network,
        )
        parameters = ParameterRegistry(self, "Parameters", stage=settings.name, project=project.name)
        parameters.add("model-package-group", name, description="model package group of the project")
        parameters.add("pipeline", self.pipeline.pipeline_name, description="training pipeline of the project")


def _pipeline_folder(pipeline_defs: Path, project: Project) -> Path:
    folder = pipeline_defs / project.pipeline_folder
    if not (folder / "pipeline.py").is_file():
        known = sorted(path.parent.name for path in pipeline_defs.glob("*/pipeline.py"))
        raise ConfigurationError(
            f"projects.{project.name}.pipeline: {folder} has no pipeline.py; the pipelines are: {', '.join(known)}"
            + nearest(project.pipeline_folder, known)
        )
    return folder
