"""A project's training pipeline."""

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from modelyard.constructs.arns import Arns
from modelyard.constructs.artifact_store import ArtifactStore
from modelyard.constructs.container_image import ContainerImage
from modelyard.constructs.execution_roles import ExecutionRoles
from modelyard.constructs.model_registry import ModelRegistry
from modelyard.constructs.permissions import acknowledge_wildcards, allow, policy_document
from modelyard.constructs.pipeline_schedule import PipelineSchedule
from modelyard.constructs.resource import token
from modelyard.pipeline_defs.compiler import CompiledPipeline, compile_pipeline
from modelyard.settings import ConfigurationError, Network

_MAX_INLINE_BYTES = 200 * 1024


class TrainingPipeline(Construct):
    """A SageMaker pipeline, compiled from a folder of `modelyard/pipeline_defs`.

    Args:
        pipeline_name: its name, a contract with whoever starts it.
        folder: holds `pipeline.py` and the scripts of its steps.
        region: region of the stack; decides where AWS's own images come from.
        store: the buckets and the key that the definition may refer to.
        roles: the pipeline's and its jobs' roles.
        registry: where the pipeline registers models.
        images: the images that the definition may refer to, by folder name; it names them by digest.
        parameters: defaults for the pipeline's parameters. Default: those in `pipeline.py`.
        network: the VPC of the jobs. Default: none.
        spot: whether its training jobs run on spot capacity. Default: they do not.
        schedule: when it is started, `rate(…)` or `cron(…)` in UTC. Default: only by hand.

    Attributes:
        pipeline_name: the pipeline's name.
        pipeline_arn: the pipeline's ARN.

    Raises:
        PipelineDefinitionError: the folder holds no valid pipeline.
        ConfigurationError: the definition refers to an image that is not in `images`, or is too large.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        pipeline_name: str,
        folder: Path,
        region: str,
        store: ArtifactStore,
        roles: ExecutionRoles,
        registry: ModelRegistry,
        images: Mapping[str, ContainerImage],
        parameters: Mapping[str, str | int | float | bool] | None = None,
        network: Network | None = None,
        spot: bool = False,
        schedule: str | None = None,
    ) -> None:
        super().__init__(scope, id)
        compiled = compile_pipeline(
            folder,
            region=region,
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
        sources = self._sources(compiled)
        used_images = {variable: _image(images, name, folder) for variable, name in compiled.images.items()}
        known = {
            "Bucket": token(store.artifacts, "bucket_name"),
            "DataBucket": token(store.data, "bucket_name"),
            "JobRoleArn": token(roles.job, "role_arn"),
            "KmsKeyArn": token(store.key, "key_arn"),
            "ModelPackageGroupName": registry.model_package_group_name,
            **{variable: asset.s3_object_url for variable, asset in sources.items()},
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
        arns = Arns.of(scope)
        self._let_jobs_read(roles.job, sources, arns.partition)
        self.pipeline_name = pipeline_name
        self.pipeline_arn = arns.arn("sagemaker", f"pipeline/{pipeline_name}")
        pipeline.node.add_dependency(roles, *used_images.values())
        if schedule:
            PipelineSchedule(
                self,
                "Schedule",
                schedule_expression=schedule,
                pipeline_arn=self.pipeline_arn,
                description=f"Starts {pipeline_name}",
            ).node.add_dependency(pipeline)

    def _sources(self, compiled: CompiledPipeline) -> dict[str, assets.Asset]:
        return {
            variable: assets.Asset(self, variable, path=str(bundle.path), asset_hash=bundle.digest)
            for variable, bundle in compiled.code.items()
        }

    def _let_jobs_read(self, role: iam.IRole, sources: Mapping[str, assets.Asset], partition: str) -> None:
        """Jobs read their scripts from the bucket of the CDK's assets, also those of an older deployment."""
        if not sources:
            return
        # A stack publishes all its assets to one bucket.
        bucket = f"arn:{partition}:s3:::{next(iter(sources.values())).s3_bucket_name}"
        document = policy_document([allow(["s3:ListBucket"], bucket), allow(["s3:GetObject"], f"{bucket}/*.gz")])
        policy = iam.Policy(self, "ReadSources", roles=[role], document=document)
        reason = "an execution under way may read the scripts it started with"
        acknowledge_wildcards(policy, {f"{bucket}/*.gz": reason})


def _image(images: Mapping[str, ContainerImage], name: str, folder: Path) -> ContainerImage:
    if name not in images:
        raise ConfigurationError(
            f"{folder}: the pipeline refers to the image {name!r}; the folders of modelyard/containers are: "
            + (", ".join(sorted(images)) or "none")
        )
    return images[name]
