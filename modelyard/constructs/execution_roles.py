"""The roles that SageMaker assumes, one for each thing it does."""

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from modelyard import names
from modelyard.constructs.artifact_store import ArtifactStore

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


class ExecutionRoles(Construct):
    """A least-privilege role each for pipelines, for the jobs of their steps, and for endpoints.

    The permissions are those of
    https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html for each API that takes the role, on this
    stage's buckets, key and repositories alone.

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
            self._grant_runtime(role, in_vpc)
        self._grant_job()
        self._grant_endpoint()
        self._grant_pipeline()

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

    def _grant_runtime(self, role: iam.Role, in_vpc: bool) -> None:
        """What any container needs: its image, its logs, its metrics, its network."""
        self._allow(role, _PULL_IMAGE, self._arn("ecr", "repository", names.repository("*")))
        self._allow(role, _WRITE_LOGS, self._arn("logs", "log-group", "/aws/sagemaker/*", colon=True))
        # These have no resource-level permissions.
        self._allow(role, ["ecr:GetAuthorizationToken"], "*")
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}},
            )
        )
        if in_vpc:
            self._allow(role, _ATTACH_TO_VPC, "*")

    def _grant_job(self) -> None:
        store = self._store
        self._allow(self.job, ["s3:ListBucket"], store.data.bucket_arn, store.artifacts.bucket_arn)
        self._allow(self.job, ["s3:GetObject"], store.data.arn_for_objects("*"), store.artifacts.arn_for_objects("*"))
        self._allow(self.job, ["s3:PutObject", "s3:AbortMultipartUpload"], store.artifacts.arn_for_objects("*"))
        store.key.grant_encrypt_decrypt(self.job)

    def _grant_endpoint(self) -> None:
        store = self._store
        self._allow(self.endpoint, ["s3:ListBucket"], store.artifacts.bucket_arn)
        self._allow(self.endpoint, ["s3:GetObject"], store.artifacts.arn_for_objects("*"))
        # The alarms of a deployment are read with this role.
        self._allow(self.endpoint, ["cloudwatch:DescribeAlarms"], self._arn("cloudwatch", "alarm", "*", colon=True))
        store.key.grant_decrypt(self.endpoint)
        # SageMaker hands the key on to the volumes of the instances.
        store.key.grant(self.endpoint, "kms:CreateGrant", "kms:DescribeKey")

    def _grant_pipeline(self) -> None:
        for resource, kind in _JOB_KINDS.items():
            actions = [f"sagemaker:{verb}{kind}" for verb in ("Create", "Describe", "Stop")]
            self._allow(self.pipeline, [*actions, "sagemaker:AddTags"], self._arn("sagemaker", resource, "pipelines-*"))
        packages = [self._arn("sagemaker", kind, f"{names.PREFIX}-*") for kind in _PACKAGE_KINDS]
        self._allow(self.pipeline, _REGISTER, *packages)
        self._allow(self.pipeline, ["s3:ListBucket"], self._store.artifacts.bucket_arn)
        self._allow(self.pipeline, ["s3:GetObject"], self._store.artifacts.arn_for_objects("*"))
        self._store.key.grant_decrypt(self.pipeline)
        self.pipeline.add_to_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[self.job.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            )
        )

    def _allow(self, role: iam.Role, actions: list[str], *resources: str) -> None:
        role.add_to_policy(iam.PolicyStatement(actions=actions, resources=list(resources)))

    def _arn(self, service: str, resource: str, name: str, *, colon: bool = False) -> str:
        return Stack.of(self).format_arn(
            service=service,
            resource=resource,
            resource_name=name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME if colon else ArnFormat.SLASH_RESOURCE_NAME,
        )
