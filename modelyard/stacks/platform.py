"""The platform that settings describe."""

from pathlib import Path

from aws_cdk import App, Stack, Validations

from modelyard import names
from modelyard.cdk_app import RULES
from modelyard.constructs.bootstrap import BootstrapRoles
from modelyard.constructs.delivery_access import purposes_of
from modelyard.constructs.delivery_definition import DeliveredStack, DeliveredStage
from modelyard.image_folders import CONTAINERS
from modelyard.settings import Delivery, Settings, Stage
from modelyard.stacks.delivery_stack import DeliveryRegionStack, DeliveryStack, readers_in
from modelyard.stacks.foundation_stack import FoundationStack
from modelyard.stacks.image_stack import ImageStack
from modelyard.stacks.platform_stage import PlatformStage
from modelyard.stacks.project_stack import PIPELINE_DEFS, ProjectStack
from modelyard.stacks.serving_stack import ServingStack

_Place = tuple[str, str]


def add_platform(
    app: App, settings: Settings, *, pipeline_defs: Path = PIPELINE_DEFS, containers: Path = CONTAINERS
) -> None:
    """Add the stacks of every stage and, in it, of every project to `app`, and of what delivers to them.

    With the context `modelyard:rules` (`cdk synth --context modelyard:rules=true`), a synthesis fails on what cdk-nag's
    packs AwsSolutions and NIST 800-53 find that is not acknowledged with a reason.

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
    if app.node.try_get_context(RULES):
        add_rules(app)
    images = _add_images(app, settings, containers)
    order = [stage.name for stage in settings.delivered_stages()]
    stacks: dict[str, list[list[Stack]]] = {}
    for stage in settings.stages:
        delivered = stage.name in order
        foundation = FoundationStack(
            app,
            names.foundation_stack(stage.name),
            stage=stage,
            delivery=settings.delivery if delivered else None,
            access=purposes_of(stage.name, order),
        )
        stage_projects = settings.projects_of(stage)
        serving = ServingStack(
            app, names.serving_stack(stage.name), stage=stage, foundation=foundation, projects=stage_projects
        )
        shared = PlatformStage(stage, images[_image_place(settings, stage)], foundation, serving)
        projects: list[Stack] = [
            ProjectStack(
                app,
                names.project_stack(stage.name, project.name),
                stage=shared,
                project=project,
                pipeline_defs=pipeline_defs,
            )
            for project in stage_projects
        ]
        stacks[stage.name] = [[foundation], [serving], projects]
    if settings.delivery:
        _add_delivery(app, settings, settings.delivery, stacks, images)


def add_rules(app: App) -> None:
    """Have every synthesis of `app` held against cdk-nag's rules."""
    import cdk_nag  # slow to import, and not needed otherwise

    Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app), cdk_nag.NIST80053R5Checks(app))


def _image_place(settings: Settings, stage: Stage) -> _Place:
    """Where the images of a stage are built: in the account of what delivers to it, or in its own."""
    delivery = settings.delivery if stage in settings.delivered_stages() else None
    return (delivery.account if delivery else stage.account), stage.region


def _add_images(app: App, settings: Settings, containers: Path) -> dict[_Place, ImageStack]:
    places: dict[_Place, list[Stage]] = {}
    for stage in settings.stages:
        places.setdefault(_image_place(settings, stage), []).append(stage)
    regions = [region for _, region in places]
    images: dict[_Place, ImageStack] = {}
    for (account, region), stages in places.items():
        delivered = settings.delivery and any(stage in settings.delivered_stages() for stage in stages)
        images[account, region] = ImageStack(
            app,
            names.image_stack(region, account if regions.count(region) > 1 else ""),
            stack_name=names.image_stack(region),
            stages=stages,
            delivery=settings.delivery if delivered else None,
            containers=containers,
        )
    return images


def _add_delivery(
    app: App,
    settings: Settings,
    delivery: Delivery,
    stacks: dict[str, list[list[Stack]]],
    images: dict[_Place, ImageStack],
) -> None:
    stages = settings.delivered_stages()
    built = {region: images[delivery.account, region] for region in dict.fromkeys(stage.region for stage in stages)}
    bootstrap = {(stage.account, stage.region): BootstrapRoles.of(stacks[stage.name][0][0]) for stage in stages}
    bootstrap |= {(delivery.account, region): BootstrapRoles.of(stack) for region, stack in built.items()}

    def delivered(stack: Stack, place: _Place, label: str = "", source: ImageStack | None = None) -> DeliveredStack:
        name, roles = stack.stack_name, bootstrap[place]
        variables = {id: f"#{{{_image_label(place[1])}.{id}}}" for id in (source.handed_to(stack) if source else ())}
        label = label or name.rpartition("-")[2]
        return DeliveredStack(label, name, stack.template_file, place[1], roles.deploy, roles.execution, variables)

    def deliver(stage: Stage) -> DeliveredStage:
        place, source = (stage.account, stage.region), built[stage.region]
        groups = [[delivered(each, place, source=source) for each in group] for group in stacks[stage.name]]
        return DeliveredStage(stage, groups)

    pipeline = DeliveryStack(
        app,
        names.delivery_stack(),
        delivery=delivery,
        stages=[deliver(stage) for stage in stages],
        images=[delivered(stack, (delivery.account, region), _image_label(region)) for region, stack in built.items()],
        bootstrap=bootstrap,
    )
    for region in built:
        if region != delivery.region:
            other = DeliveryRegionStack(
                app,
                names.delivery_stack(region),
                delivery=delivery,
                region=region,
                readers=readers_in(bootstrap, region),
            )
            pipeline.add_stack_dependency(other)


def _image_label(region: str) -> str:
    """What the actions on the images of a region are called, and the variables that hold the images' URIs."""
    return "Images" + "".join(part.capitalize() for part in region.split("-"))
