"""What the functions of the approval hook may do; `modelyard/lambdas/serving/README.md` says what they need and why."""

from dataclasses import dataclass

from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from modelyard import names
from modelyard.constructs.arns import Arns
from modelyard.constructs.artifact_store import ArtifactStore
from modelyard.constructs.ledger import Ledger
from modelyard.constructs.permissions import Permissions

_USE_KEY = ("kms:Decrypt", "kms:GenerateDataKey")
_CONSUME = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
_DECLARATIONS = "one declaration for each project of the stage, and projects come and go"
_ENDPOINTS = "one endpoint for each project of the stage, and a config and a model for each version"
_NO_RESOURCES = "lists have no resource-level permissions"

# Actions of SageMaker to the kinds of resource that they are allowed on.
_RECONCILE = {
    "ListModelPackages ListModels ListEndpointConfigs": "",
    "DescribeModelPackage": "model-package",
    "CreateEndpoint UpdateEndpoint": "endpoint endpoint-config",
    "DescribeEndpoint DeleteEndpoint": "endpoint",
    "DescribeEndpointConfig CreateEndpointConfig DeleteEndpointConfig": "endpoint-config",
    "DescribeModel DeleteModel": "model",
    "CreateModel": "model model-package",
    "AddTags ListTags": "endpoint endpoint-config model",
}
_LIFETIME = {
    "ListModels ListEndpointConfigs": "",
    "DescribeEndpoint DeleteEndpoint": "endpoint",
    "DeleteEndpointConfig": "endpoint-config",
    "DeleteModel": "model",
    "ListTags": "endpoint-config model",
}


@dataclass(frozen=True)
class HookPermissions:
    """Gives each function of the hook its permissions, on the resources of one stage alone."""

    arns: Arns
    stage: str
    ledger: Ledger
    store: ArtifactStore
    queue: sqs.IQueue
    topic: sns.ITopic
    endpoint_role: iam.IRole

    def wake(self, role: Permissions) -> None:
        """Reads declarations, records approvals, sends messages."""
        role.allow(["ssm:GetParametersByPath"], *self._parameters, because=_DECLARATIONS)
        role.allow(["dynamodb:PutItem"], self.ledger.table.table_arn)
        role.allow(["sqs:SendMessage"], self.queue.queue_arn)
        self.store.allow_key(role, *_USE_KEY)

    def reconcile(self, role: Permissions) -> None:
        """Reads desired and actual state, and brings an endpoint one step further."""
        role.allow(["ssm:GetParameter"], self._parameters[1], because=_DECLARATIONS)
        role.allow(["dynamodb:Query", "dynamodb:PutItem"], self.ledger.table.table_arn)
        for actions, kinds in _RECONCILE.items():
            self._sagemaker(role, actions, kinds)
        role.allow(
            ["iam:PassRole"],
            self.endpoint_role.role_arn,
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )
        role.allow(_CONSUME, self.queue.queue_arn)
        role.allow(["sns:Publish"], self.topic.topic_arn)
        self.store.allow_key(role, *_USE_KEY)
        self.store.allow_volumes(role)

    def lifetime(self, role: Permissions) -> None:
        """Writes and removes declarations, and removes what an endpoint consists of."""
        own = ["ssm:GetParameter", "ssm:PutParameter", "ssm:DeleteParameter"]
        role.allow(own, self._parameters[1], because=_DECLARATIONS)
        role.allow(["sqs:SendMessage"], self.queue.queue_arn)
        for actions, kinds in _LIFETIME.items():
            self._sagemaker(role, actions, kinds)
        self.store.allow_key(role, *_USE_KEY)

    @property
    def _parameters(self) -> tuple[str, str]:
        parameter = self.arns.arn("ssm", f"parameter{names.parameter_path(self.stage)}")
        return parameter, f"{parameter}/*"

    def _sagemaker(self, role: Permissions, actions: str, kinds: str) -> None:
        name = names.resource_name(self.stage, "*")
        arns = [self.arns.arn("sagemaker", f"{kind}/{name}") for kind in kinds.split()]
        role.allow(
            [f"sagemaker:{action}" for action in actions.split()],
            *(arns or ["*"]),
            because=_ENDPOINTS if arns else _NO_RESOURCES,
        )
