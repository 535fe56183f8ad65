"""An ML project in a stage."""

from pathlib import Path

from constructs import Construct

from modelyard import names
from modelyard.constructs.capacity import Capacity
from modelyard.constructs.model_endpoint import ModelEndpoint
from modelyard.constructs.model_registry import ModelRegistry
from modelyard.constructs.parameter_registry import ParameterRegistry
from modelyard.constructs.project_dashboard import add_project_dashboard
from modelyard.constructs.rollout import Rollout
from modelyard.constructs.rollout_alarm import RolloutAlarm
from modelyard.constructs.training_pipeline import TrainingPipeline
from modelyard.settings import ConfigurationError, EndpointSettings, Project
from modelyard.settings.errors import nearest
from modelyard.stacks.base import StageStack
from modelyard.stacks.platform_stage import PlatformStage

PIPELINE_DEFS = Path(__file__).parent.parent / "pipeline_defs"


class ProjectStack(StageStack):
    """A full MLOps system in one call: model package group, training pipeline and endpoint of an ML project.

    A dashboard that bears the name of them all shows them. An alarm tells when the endpoint is on its way to another
    version for half an hour longer than its rollout may take.

    Args:
        stage: the stage's shared stacks.
        project: the project.
        pipeline_defs: folder of the pipelines' folders. Default: the library's own, of examples.

    Attributes:
        registry: the project's model package group.
        pipeline: the project's training pipeline.
        endpoint: the project's endpoint, None where it has none.

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
            emptier=stage.foundation.emptier,
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
            images=stage.images.images_for(accelerated=project.accelerated),
            parameters=project.pipeline_parameters,
            network=settings.network,
            spot=project.training.spot,
            schedule=project.schedule,
        )
        self.endpoint = self._add_endpoint(stage, project, project.endpoint) if project.endpoint else None
        add_project_dashboard(
            self, "Dashboard", name=name, pipeline_name=name, endpoint_name=name if project.endpoint else None
        )
        parameters = ParameterRegistry(self, "Parameters", stage=settings.name, project=project.name)
        parameters.add("model-package-group", name, description="model package group of the project")
        parameters.add("pipeline", self.pipeline.pipeline_name, description="training pipeline of the project")
        if self.endpoint:
            parameters.add("endpoint-name", name, description="endpoint of the project")

    def _add_endpoint(self, stage: PlatformStage, project: Project, endpoint: EndpointSettings) -> ModelEndpoint:
        settings = stage.settings
        capacity = Capacity.of(endpoint)
        return ModelEndpoint(
            self,
            "Endpoint",
            endpoint_name=names.resource_name(settings.name, project.name),
            parameter_name=names.declaration_parameter(settings.name, project.name),
            hook=stage.serving.hook,
            registry=self.registry,
            role=stage.foundation.roles.endpoint,
            capacity=capacity,
            volume_key=stage.foundation.store.key if capacity.instance.takes_volume_key else None,
            network=settings.network,
            environment=endpoint.environment,
            tags={"modelyard:stage": settings.name, "modelyard:project": project.name},
            rollout=Rollout.of(endpoint),
            alarms=RolloutAlarm.of(endpoint),
            scaling=endpoint.scaling.value() if endpoint.scaling else None,
        )


def _pipeline_folder(pipeline_defs: Path, project: Project) -> Path:
    folder = pipeline_defs / project.pipeline_folder
    if not (folder / "pipeline.py").is_file():
        known = sorted(path.parent.name for path in pipeline_defs.glob("*/pipeline.py"))
        raise ConfigurationError(
            f"projects.{project.name}.pipeline: {folder} has no pipeline.py; the pipelines are: {', '.join(known)}"
            + nearest(project.pipeline_folder, known)
        )
    return folder
