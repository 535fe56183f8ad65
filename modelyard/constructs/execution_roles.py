"""The roles that SageMaker assumes, one for each thing it does."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam
from constructs import Construct

from modelyard import names
from modelyard.constructs.arns import Arns
from modelyard.constructs.artifact_store import ArtifactStore
from modelyard.constructs.growing_policy import GrowingPolicy
from modelyard.constructs.part import Part
from modelyard.constructs.permissions import Permissions
from modelyard.constructs.resource import token

if TYPE_CHECKING:
    from modelyard.constructs.model_registry import ModelRegistry

_FIND_IMAGE = ["ecr:BatchGetImage", "ecr:DescribeImages"]
_PULL_IMAGE = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
_WRITE_LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
_ATTACH_TO_VPC = [
    *("ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface"),
    *("ec2:DeleteNetworkInterfacePermission", "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces"),
    *("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"),
]
_JOB_KINDS = {"processing-job": "ProcessingJob", "training-job": "TrainingJob"}
_PACKAGE_KINDS = ("model-package", "model-package-group")
_REGISTER = [
    *("sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage"),
    *("sagemaker:DescribeModelPackageGroup", "sagemaker:AddTags"),
]
# What SageMaker makes at each start of a pipeline that names an experiment:
# https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-experiments.html
_EXPERIMENT = ["sagemaker:CreateExperiment", "sagemaker:CreateTrial", "sagemaker:AddTags"]
_TRIAL = ["sagemaker:CreateTrial", "sagemaker:AssociateTrialComponent", "sagemaker:AddTags"]
_RUN = [
    *("sagemaker:CreateTrialComponent", "sagemaker:UpdateTrialComponent"),
    *("sagemaker:AssociateTrialComponent", "sagemaker:AddTags"),
]
_READ_KEY = ("kms:Decrypt", "kms:DescribeKey")
_WRITE_KEY = (*_READ_KEY, "kms:Encrypt", "kms:GenerateDataKey")

_NAMED_LATER = "its name is known only when a pipeline runs"
_NO_RESOURCES = "the action has no resource-level permissions"
_INTERFACES = f"{_NO_RESOURCES}, or network interfaces are made at run time"
_VERSIONS = "the versions of a group that its pipeline registers to"
_OBJECTS = "the objects of a bucket are made by jobs, under names of theirs"
_ALARMS = "each update of an endpoint is watched by alarms of its own"
_IMAGES = "any image of the platform may be run by any job, so that a role need not change with the images"


_OLD_SOURCES = "an execution under way may read the scripts it started with"
_VPC = "Vpc"


def allow_vpc(role: iam.IRole, within: Construct) -> None:
    """Let what runs as `role` make the network interfaces that it needs in a VPC; told again, it changes nothing.

    Args:
        role: the role.
        within: what its policy belongs to where the role itself is made elsewhere.
    """
    scope = role if isinstance(role, Construct) else within
    if scope.node.try_find_child(_VPC) is None:
        GrowingPolicy(scope, _VPC, lambda: role, _ATTACH_TO_VPC, because=_INTERFACES).allow("*")


class ExecutionRoles(Part):
    """A least-privilege role each for pipelines, for the jobs of their steps, and for endpoints.

    The permissions are those of https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html for each API that
    takes the role, on this stage's buckets, key and repositories alone.

    Args:
        store: the stage's key and buckets.
        stage: name of the stage, whose model package groups pipelines register to. Default: that of `store`.
        in_vpc: whether jobs and endpoints run in a VPC, which lets their roles make network interfaces. Default: no.
        image_account: a further account whose images they run. Default: those of their own alone.

    Attributes:
        store: the stage's key and buckets.
        pipeline: starts jobs and registers models.
        job: what processing and training jobs run as.
        endpoint: what endpoints run as.

    Example:
        >>> store = ArtifactStore(stack, "Store", stage="age")
        >>> roles = ExecutionRoles(stack, "Roles", store=store)
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        store: ArtifactStore,
        stage: str | None = None,
        in_vpc: bool = False,
        image_account: str | None = None,
    ) -> None:
        super().__init__(scope, id)
        self._image_account = image_account
        self._prefix = names.resource_name(stage or store.stage, "")
        self.store = store
        self._arns = Arns.of(scope)
        self._in_vpc = in_vpc
        self._trusted = iam.ServicePrincipal(
            "sagemaker.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": self._arns.account}}
        )
        self.job = self._role("Job", "runs processing and training jobs", self._allow_job)
        self.endpoint = self._role("Endpoint", "serves models", self._allow_endpoint)
        purpose = "starts the jobs of pipelines and registers their models"
        self.pipeline = self._role("Pipeline", purpose, self._allow_pipeline)
        if in_vpc:
            for role in (self.job, self.endpoint):
                # For `allow_vpc`, which has nothing to add.
                Construct(role, _VPC)
        self._sources = GrowingPolicy(
            self.job, "Sources", lambda: self.job, ["s3:ListBucket", "s3:GetObject"], because=_OLD_SOURCES
        )
        self._other_pipelines = GrowingPolicy(
            self.pipeline, "OtherPipelines", lambda: self.pipeline, [*_REGISTER, *_EXPERIMENT], because=_VERSIONS
        )

    def allow_pipeline(self, pipeline_name: str, registry: "ModelRegistry") -> None:
        """Let a pipeline register to `registry`, which it may do already if both bear the names of the stage."""
        group = registry.model_package_group_name
        if not group.startswith(self._prefix):
            owned = ("model-package-group", group), ("model-package", f"{group}/*")
            self._other_pipelines.allow(*(self._arns.arn("sagemaker", f"{kind}/{name}") for kind, name in owned))
        if not pipeline_name.startswith(self._prefix):
            self._other_pipelines.allow(self._arns.arn("sagemaker", f"experiment/{pipeline_name}"))

    def allow_sources(self, bucket_arn: str) -> None:
        """Let jobs read their scripts from the bucket of the CDK's assets, also those of an older deployment."""
        self._sources.allow(bucket_arn, f"{bucket_arn}/*.gz")

    def _role(self, id: str, purpose: str, fill: Callable[[Permissions], None]) -> iam.Role:
        permissions = Permissions()
        fill(permissions)
        role = iam.Role(
            self,
            id,
            description=f"Modelyard: {purpose}",
            assumed_by=self._trusted,
            inline_policies=permissions.documents(),
        )
        permissions.acknowledge(role, self)
        return role

    @property
    def _images(self) -> list[str]:
        accounts = dict.fromkeys([self._arns.account, self._image_account or self._arns.account])
        repositories = f"repository/{names.repository('*')}"
        return [replace(self._arns, account=account).arn("ecr", repositories) for account in accounts]

    def _allow_running(self, role: Permissions) -> None:
        """What any container needs: its image, its logs, its metrics, its network."""
        role.allow(_PULL_IMAGE, *self._images, because=_IMAGES)
        logs = self._arns.arn("logs", "log-group:/aws/sagemaker/*")
        role.allow(_WRITE_LOGS, logs, because=_NAMED_LATER)
        role.allow(["ecr:GetAuthorizationToken"], "*", because=_NO_RESOURCES)
        own_metrics = {"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}}
        role.allow(["cloudwatch:PutMetricData"], "*", because=_NO_RESOURCES, conditions=own_metrics)
        if self._in_vpc:
            role.allow(_ATTACH_TO_VPC, "*", because=_INTERFACES)

    def _allow_job(self, role: Permissions) -> None:
        self._allow_running(role)
        data, artifacts = self.store.data, self.store.artifacts
        objects = f"{token(artifacts, 'bucket_arn')}/*"
        role.allow(["s3:ListBucket"], token(data, "bucket_arn"), token(artifacts, "bucket_arn"))
        role.allow(["s3:GetObject"], f"{token(data, 'bucket_arn')}/*", objects, because=_OBJECTS)
        role.allow(["s3:PutObject", "s3:AbortMultipartUpload"], objects, because=_OBJECTS)
        # SageMaker deletes in S3 what a training deletes of its checkpoints:
        # https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html
        role.allow(["s3:DeleteObject"], f"{token(artifacts, 'bucket_arn')}/*/checkpoints/*", because=_OBJECTS)
        self.store.allow_key(role, *_WRITE_KEY)

    def _allow_endpoint(self, role: Permissions) -> None:
        self._allow_running(role)
        artifacts = self.store.artifacts
        role.allow(["s3:ListBucket"], token(artifacts, "bucket_arn"))
        role.allow(["s3:GetObject"], f"{token(artifacts, 'bucket_arn')}/*", because=_OBJECTS)
        # SageMaker looks at the alarms of a rollout with this role.
        role.allow(["cloudwatch:DescribeAlarms"], self._arns.arn("cloudwatch", "alarm:*"), because=_ALARMS)
        self.store.allow_key(role, *_READ_KEY)
        self.store.allow_volumes(role)

    def _allow_pipeline(self, role: Permissions) -> None:
        for resource, kind in _JOB_KINDS.items():
            actions = [f"sagemaker:{verb}{kind}" for verb in ("Create", "Describe", "Stop")]
            jobs = self._arns.arn("sagemaker", f"{resource}/pipelines-*")
            role.allow([*actions, "sagemaker:AddTags"], jobs, because=_NAMED_LATER)
        groups = f"{self._prefix}*"
        packages = [self._arns.arn("sagemaker", f"{kind}/{groups}") for kind in _PACKAGE_KINDS]
        role.allow(_REGISTER, *packages, because="groups are those of the projects, which come and go")
        role.allow(_EXPERIMENT, self._arns.arn("sagemaker", f"experiment/{groups}"), because=_NAMED_LATER)
        role.allow(_TRIAL, self._arns.arn("sagemaker", "experiment-trial/*"), because=_NAMED_LATER)
        role.allow(_RUN, self._arns.arn("sagemaker", "experiment-trial-component/pipelines-*"), because=_NAMED_LATER)
        # Registering a version looks its image up for the digest:
        # https://docs.aws.amazon.com/sagemaker/latest/dg/security-iam-awsmanpol-model-registry.html
        role.allow(_FIND_IMAGE, *self._images, because=_IMAGES)
        artifacts = self.store.artifacts
        role.allow(["s3:ListBucket"], token(artifacts, "bucket_arn"))
        # Conditions on property files are evaluated with this role.
        role.allow(["s3:GetObject"], f"{token(artifacts, 'bucket_arn')}/*", because=_OBJECTS)
        self.store.allow_key(role, *_READ_KEY)
        to_sagemaker = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
        role.allow(["iam:PassRole"], token(self.job, "role_arn"), conditions=to_sagemaker)
