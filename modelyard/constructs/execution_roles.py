"""The roles that SageMaker assumes, one for each thing it does."""

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from modelyard import names
from modelyard.constructs.artifact_store import ArtifactStore
from modelyard.constructs.permissions import allow

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
_READ_KEY = ("kms:Decrypt", "kms:DescribeKey")
_WRITE_KEY = (*_READ_KEY, "kms:Encrypt", "kms:GenerateDataKey")

_NAMED_LATER = "its name is known only when a pipeline runs"
_NO_RESOURCES = "the action has no resource-level permissions"
_OBJECTS = "the objects of a bucket are made by jobs, under names of theirs"
_IMAGES = "any image of the platform may be run by any job, so that a role need not change with the images"


class ExecutionRoles(Construct):
    """A least-privilege role each for pipelines, for the jobs of their steps, and for endpoints.

    The permissions are those of https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html for each API that
    takes the role, on this stage's buckets, key and repositories alone.

    Args:
        store: the stage's key and buckets.
        in_vpc: whether jobs and endpoints run in a VPC, which lets their roles make network interfaces. Default: no.

    Attributes:
        pipeline: starts jobs and registers models.
        job: what processing and training jobs run as.
        endpoint: what endpoints run as.
    """

    def __init__(self, scope: Construct, id: str, *, store: ArtifactStore, in_vpc: bool = False) -> None:
        super().__init__(scope, id)
        self._store = store
        self.job = self._role("Job", "runs processing and training jobs")
        self.endpoint = self._role("Endpoint", "serves models")
        self.pipeline = self._role("Pipeline", "starts the jobs of pipelines and registers their models")
        for role in (self.job, self.endpoint):
            self._allow_running(role, in_vpc)
        self._allow_job()
        self._allow_endpoint()
        self._allow_pipeline()

    def _role(self, id: str, purpose: str) -> iam.Role:
        return iam.Role(
            self,
            id,
            description=f"Modelyard: {purpose}",
            assumed_by=iam.ServicePrincipal(
                "sagemaker.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            ),
        )

    def _allow_running(self, role: iam.Role, in_vpc: bool) -> None:
        """What any container needs: its image, its logs, its metrics, its network."""
        allow(role, _PULL_IMAGE, self._arn("ecr", "repository", names.repository("*")), because=_IMAGES)
        logs = self._arn("logs", "log-group", "/aws/sagemaker/*", colon=True)
        allow(role, _WRITE_LOGS, logs, because=_NAMED_LATER)
        allow(role, ["ecr:GetAuthorizationToken"], "*", because=_NO_RESOURCES)
        allow(
            role,
            ["cloudwatch:PutMetricData"],
            "*",
            because=_NO_RESOURCES,
            conditions={"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}},
        )
        if in_vpc:
            allow(role, _ATTACH_TO_VPC, "*", because="network interfaces are made for each job and endpoint")

    def _allow_job(self) -> None:
        data, artifacts = self._store.data, self._store.artifacts
        allow(self.job, ["s3:ListBucket"], data.bucket_arn, artifacts.bucket_arn)
        allow(self.job, ["s3:GetObject"], data.arn_for_objects("*"), artifacts.arn_for_objects("*"), because=_OBJECTS)
        write = ["s3:PutObject", "s3:AbortMultipartUpload"]
        allow(self.job, write, artifacts.arn_for_objects("*"), because=_OBJECTS)
        self._store.grant_key(self.job, *_WRITE_KEY)

    def _allow_endpoint(self) -> None:
        artifacts = self._store.artifacts
        allow(self.endpoint, ["s3:ListBucket"], artifacts.bucket_arn)
        allow(self.endpoint, ["s3:GetObject"], artifacts.arn_for_objects("*"), because=_OBJECTS)
        self._store.grant_key(self.endpoint, *_READ_KEY)
        self._store.grant_volumes(self.endpoint)

    def _allow_pipeline(self) -> None:
        for resource, kind in _JOB_KINDS.items():
            actions = [f"sagemaker:{verb}{kind}" for verb in ("Create", "Describe", "Stop")]
            jobs = self._arn("sagemaker", resource, "pipelines-*")
            allow(self.pipeline, [*actions, "sagemaker:AddTags"], jobs, because=_NAMED_LATER)
        packages = [self._arn("sagemaker", kind, f"{names.PREFIX}-*") for kind in _PACKAGE_KINDS]
        allow(self.pipeline, _REGISTER, *packages, because="groups are those of the projects, which come and go")
        allow(self.pipeline, ["s3:ListBucket"], self._store.artifacts.bucket_arn)
        # Conditions on property files are evaluated with this role.
        allow(self.pipeline, ["s3:GetObject"], self._store.artifacts.arn_for_objects("*"), because=_OBJECTS)
        self._store.grant_key(self.pipeline, *_READ_KEY)
        allow(
            self.pipeline,
            ["iam:PassRole"],
            self.job.role_arn,
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )

    def _arn(self, service: str, resource: str, name: str, *, colon: bool = False) -> str:
        return Stack.of(self).format_arn(
            service=service,
            resource=resource,
            resource_name=name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME if colon else ArnFormat.SLASH_RESOURCE_NAME,
        )
