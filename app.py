"""The reference app: from `platform.yaml` to stacks."""

import sys
from pathlib import Path

from modelyard import names
from modelyard.cdk_app import App, create_app
from modelyard.pipeline_defs.compiler import PipelineDefinitionError
from modelyard.settings import ConfigurationError, Settings, load_settings
from modelyard.stacks import FoundationStack, ImageStack, PlatformStage, ProjectStack, ServingStack

ROOT = Path(__file__).parent


def build(app: App, settings: Settings) -> None:
    """Add the stacks of every stage and, in it, of every project to `app`."""
    places = settings.places()
    regions = [region for _, region in places]
    for (account, region), stages in places.items():
        id = names.image_stack(region, account if regions.count(region) > 1 else "")
        images = ImageStack(app, id, stack_name=names.image_stack(region), stages=stages)
        for stage in stages:
            foundation = FoundationStack(app, names.foundation_stack(stage.name), stage=stage)
            serving = ServingStack(app, names.serving_stack(stage.name), stage=stage, foundation=foundation)
            shared = PlatformStage(stage, images, foundation, serving)
            for project in settings.projects_of(stage):
                ProjectStack(app, names.project_stack(stage.name, project.name), stage=shared, project=project)


def main() -> int:
    """Synthesise; what is wrong with the settings or a pipeline is said in one line, with exit status 2."""
    # The packs of cdk-nag are run by the tests; an app that runs them itself acknowledges.
    app = create_app(ROOT, acknowledge=False)
    try:
        # Another file: cdk synth -c platform=FILE
        build(app, load_settings(ROOT / (app.node.try_get_context("platform") or "platform.yaml")))
    except (ConfigurationError, PipelineDefinitionError) as error:
        print(error, file=sys.stderr)
        return 2
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
