"""The platform that settings describe."""

from pathlib import Path

from aws_cdk import App

from modelyard import names
from modelyard.image_folders import CONTAINERS
from modelyard.settings import Settings
from modelyard.stacks.foundation_stack import FoundationStack
from modelyard.stacks.image_stack import ImageStack
from modelyard.stacks.platform_stage import PlatformStage
from modelyard.stacks.project_stack import PIPELINE_DEFS, ProjectStack
from modelyard.stacks.serving_stack import ServingStack


def add_platform(
    app: App, settings: Settings, *, pipeline_defs: Path = PIPELINE_DEFS, containers: Path = CONTAINERS
) -> None:
    """Add the stacks of every stage and, in it, of every project to `app`.

    Args:
        app: what they are added to.
        settings: what is to be stood up.
        pipeline_defs: folder of the pipelines' folders. Default: the library's own, of examples.
        containers: folder of images' folders of your own, which need not exist; of equal names they win over the
            library's. Default: only the library's.

    Raises:
        ConfigurationError: something in the settings cannot be built.
        PipelineDefinitionError: a pipeline's folder holds no valid pipeline.
    """
    places = settings.places()
    regions = [region for _, region in places]
    for (account, region), stages in places.items():
        id = names.image_stack(region, account if regions.count(region) > 1 else "")
        images = ImageStack(app, id, stack_name=names.image_stack(region), stages=stages, containers=containers)
        for stage in stages:
            foundation = FoundationStack(app, names.foundation_stack(stage.name), stage=stage)
            projects = settings.projects_of(stage)
            serving = ServingStack(
                app, names.serving_stack(stage.name), stage=stage, foundation=foundation, projects=projects
            )
            shared = PlatformStage(stage, images, foundation, serving)
            for project in projects:
                id = names.project_stack(stage.name, project.name)
                ProjectStack(app, id, stage=shared, project=project, pipeline_defs=pipeline_defs)
