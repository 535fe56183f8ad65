"""A project's training pipeline."""

import re
from collections.abc import Mapping
from pathlib import Path

from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from modelyard.constructs.acknowledged import acknowledge_for_platform
from modelyard.constructs.arns import Arns
from modelyard.constructs.artifact_store import ArtifactStore
from modelyard.constructs.container_image import ContainerImage
from modelyard.constructs.execution_roles import ExecutionRoles, allow_vpc
from modelyard.constructs.file_assets import file_asset
from modelyard.constructs.model_registry import ModelRegistry
from modelyard.constructs.part import Part, stack_of
from modelyard.constructs.pipeline_schedule import PipelineSchedule
from modelyard.constructs.resource import is_token, token
from modelyard.constructs.stack_defaults import StackDefaults
from modelyard.pipeline_defs.compiler import compile_pipeline
from modelyard.settings import ConfigurationError, Network
from modelyard.settings.errors import nearest
from modelyard.settings.instances import names_accelerators
from modelyard.settings.schema import SCHEDULE, SCHEDULE_RULE

_MAX_INLINE_BYTES = 200 * 1024
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreatePipeline.html
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,255}")


class TrainingPipeline(Part):
    """A SageMaker pipeline, compiled from a folder with a `pipeline.py`.

    Args:
        pipeline_name: its name, a contract with whoever starts it.
        folder: holds `pipeline.py` and the scripts of its steps.
        registry: where the pipeline registers models.
        store: the buckets and the key that the definition may refer to. Default: those of `roles`, or else of the
            `StackDefaults` of the registry's stack.
        roles: the pipeline's and its jobs' roles. Default: those of these defaults; with a `store` of your own, roles
            of this pipeline alone.
        images: the images that the definition may refer to, by folder name; it names them by digest. Default: those of
            these defaults, built from the library's folders and your own, for accelerators where one of `parameters`
            names an instance type that has them.
        region: decides where AWS's own images come from. Default: the region of the stack.
        parameters: defaults for the pipeline's parameters. Default: those in `pipeline.py`.
        network: the VPC of the jobs. Default: none.
        spot: whether its training jobs run on spot capacity. Default: they do not.
        schedule: when it is started, `rate(…)` or `cron(…)` in UTC. Default: only by hand.

    Attributes:
        pipeline_name: the pipeline's name.
        pipeline_arn: the pipeline's ARN.

    Raises:
        PipelineDefinitionError: the folder holds no valid pipeline.
        ConfigurationError: SageMaker refuses the name, EventBridge Scheduler the schedule, or the definition refers to
            an image that is not in `images`, or is too large.

    Example:
        >>> registry = ModelRegistry(stack, "Registry", model_package_group_name="rings")
        >>> pipeline = TrainingPipeline(
        ...     stack,
        ...     "Training",
        ...     pipeline_name="rings",
        ...     folder=Path("pipeline"),
        ...     registry=registry,
        ...     parameters={"MaxDepth": 6},
        ...     schedule="rate(1 day)",
        ... )
        >>> allowed = pipeline.grant_start_execution(role)
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        pipeline_name: str,
        folder: Path,
        registry: ModelRegistry,
        store: ArtifactStore | None = None,
        roles: ExecutionRoles | None = None,
        images: Mapping[str, ContainerImage] | None = None,
        region: str | None = None,
        parameters: Mapping[str, str | int | float | bool] | None = None,
        network: Network | None = None,
        spot: bool = False,
        schedule: str | None = None,
    ) -> None:
        super().__init__(scope, id)
        if not is_token(pipeline_name) and not _NAME.fullmatch(pipeline_name):
            raise ConfigurationError(
                f"pipeline_name: received {pipeline_name}; allowed: 256 letters, digits and hyphens between them"
            )
        if schedule is not None and not re.fullmatch(SCHEDULE, schedule):
            raise ConfigurationError(f"schedule: received {schedule}; allowed: {SCHEDULE_RULE}")
        compiled = compile_pipeline(
            folder,
            region=region or _region(self),
            parameters=parameters,
            subnets=len(network.subnet_ids) if network else 0,
            security_groups=len(network.security_group_ids) if network else 0,
            network_isolation=bool(network and network.isolation),
            spot=spot,
        )
        size = len(compiled.body.encode())
        if size > _MAX_INLINE_BYTES:
            raise ConfigurationError(
                f"{folder}: the pipeline's definition has {size} bytes; a template takes "
                f"{_MAX_INLINE_BYTES}: use fewer or smaller steps"
            )
        if roles is None or images is None:
            acknowledge_for_platform(self)
        roles = roles or self._roles(store, registry)
        store = store or roles.store
        if images is None:
            accelerated = any(names_accelerators(value) for value in (parameters or {}).values())
            images = StackDefaults.of(registry).images_for(accelerated=accelerated)
        urls = {
            variable: file_asset(self, bundle.path, digest=bundle.digest).s3_object_url
            for variable, bundle in compiled.code.items()
        }
        used_images = {variable: _image(images, name, folder) for variable, name in compiled.images.items()}
        known = {
            "Bucket": token(store.artifacts, "bucket_name"),
            "DataBucket": token(store.data, "bucket_name"),
            "JobRoleArn": token(roles.job, "role_arn"),
            "KmsKeyArn": token(store.key, "key_arn"),
            "ModelPackageGroupName": registry.model_package_group_name,
            **urls,
            **{variable: image.uri_for(self) for variable, image in used_images.items()},
        }
        if network:
            known |= {f"SubnetId{index}": subnet for index, subnet in enumerate(network.subnet_ids)}
            known |= {f"SecurityGroupId{index}": group for index, group in enumerate(network.security_group_ids)}
        body = {"Fn::Sub": [compiled.body, {variable: known[variable] for variable in compiled.sentinels}]}
        pipeline = sagemaker.CfnPipeline(
            self,
            "Pipeline",
            pipeline_name=pipeline_name,
            role_arn=token(roles.pipeline, "role_arn"),
            pipeline_definition={"PipelineDefinitionBody": body},
        )
        roles.allow_pipeline(pipeline_name, registry)
        if network:
            allow_vpc(roles.job, self)
        arns = Arns.of(self)
        for url in list(urls.values())[:1]:
            # A stack publishes all its assets to one bucket.
            roles.allow_sources(f"arn:{arns.partition}:s3:::{url.split('/')[2]}")
        self.pipeline_name = pipeline_name
        self.pipeline_arn = arns.arn("sagemaker", f"pipeline/{pipeline_name}")
        # Parts of other stacks are there before this stack is.
        own = [part for part in (roles, *used_images.values()) if part.stack is self.stack]
        if own:
            pipeline.node.add_dependency(*own)
        if schedule:
            PipelineSchedule(
                self,
                "Schedule",
                schedule_expression=schedule,
                pipeline_arn=self.pipeline_arn,
                description=f"Starts {pipeline_name}",
            ).node.add_dependency(pipeline)

    def grant_start_execution(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` start the pipeline."""
        return iam.Grant.add_to_principal(
            grantee=grantee, actions=["sagemaker:StartPipelineExecution"], resource_arns=self._known_as
        )

    def on_execution_failed(
        self, id: str, *, target: events.IRuleTarget | None = None, description: str | None = None
    ) -> events.Rule:
        """A rule for each execution that fails.

        Args:
            id: of the rule.
            target: what is told. Default: nothing, until `add_target` of the rule.
            description: shown by EventBridge. Default: none.
        """
        return events.Rule(
            self,
            id,
            description=description,
            # https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
            event_pattern=events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=["SageMaker Model Building Pipeline Execution Status Change"],
                detail={"pipelineArn": self._known_as, "currentPipelineExecutionStatus": ["Failed"]},
            ),
            targets=[target] if target else None,
        )

    @property
    def _known_as(self) -> list[str]:
        """The ARN, and as services write it that know ARNs in lower case alone."""
        lower = Arns.of(self).arn("sagemaker", f"pipeline/{self.pipeline_name.lower()}")
        return list(dict.fromkeys([self.pipeline_arn, lower]))

    def _roles(self, store: ArtifactStore | None, registry: ModelRegistry) -> ExecutionRoles:
        if store is None:
            return StackDefaults.of(registry).roles
        return ExecutionRoles(self, "Roles", store=store)


def _region(pipeline: Construct) -> str:
    stack = stack_of(pipeline)
    if is_token(stack.region):
        raise ConfigurationError(
            f"env: the stack {stack.node.path} has no region, which decides where the images of a pipeline come from; "
            f'write env=Environment(account="111122223333", region="us-east-1") with account and region of yours'
        )
    return stack.region


def _image(images: Mapping[str, ContainerImage], name: str, folder: Path) -> ContainerImage:
    if name not in images:
        raise ConfigurationError(
            f"{folder}: the pipeline refers to the image {name!r}; the images are: "
            + (", ".join(sorted(images)) or "none")
            + (nearest(name, images) or "; add a folder of that name with a Dockerfile to your images' folders")
        )
    return images[name]
