"""What the functions of the approval hook may do; `modelyard/lambdas/serving/README.md` says what they need and why."""

from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from modelyard import names
from modelyard.constructs.handler import Handler
from modelyard.constructs.ledger import Ledger

_USE_KEY = ("kms:Decrypt", "kms:GenerateDataKey")


@dataclass(frozen=True)
class HookPermissions:
    """Gives each function of the hook its permissions, on the resources of one stage alone."""

    stack: Stack
    stage: str
    ledger: Ledger
    key: kms.IKey
    queue: sqs.IQueue
    topic: sns.ITopic
    endpoint_role: iam.IRole

    def wake(self, handler: Handler) -> None:
        """Reads declarations, records approvals, sends messages."""
        handler.allow(["ssm:GetParametersByPath"], *self._parameters)
        handler.allow(["dynamodb:PutItem"], self.ledger.table.table_arn)
        handler.allow(["sqs:SendMessage"], self.queue.queue_arn)
        self.key.grant(handler.role, *_USE_KEY)

    def reconcile(self, handler: Handler) -> None:
        """Reads desired and actual state, and brings an endpoint one step further."""
        handler.allow(["ssm:GetParameter"], self._parameters[1])
        handler.allow(["dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem"], self.ledger.table.table_arn)
        self._sagemaker(handler, "List", "ModelPackages", "Models", "EndpointConfigs", resources=["*"])
        self._sagemaker(handler, "Describe", "ModelPackage", resources=[self._arn("model-package")])
        endpoint, config, model = self._arn("endpoint"), self._arn("endpoint-config"), self._arn("model")
        for verb in ("Create", "Update"):
            self._sagemaker(handler, verb, "Endpoint", resources=[endpoint, config])
        for verb in ("Describe", "Delete"):
            self._sagemaker(handler, verb, "Endpoint", resources=[endpoint])
        for verb in ("Describe", "Create", "Delete"):
            self._sagemaker(handler, verb, "EndpointConfig", resources=[config])
        for verb in ("Describe", "Delete"):
            self._sagemaker(handler, verb, "Model", resources=[model])
        self._sagemaker(handler, "Create", "Model", resources=[model, self._arn("model-package")])
        handler.allow(["sagemaker:AddTags", "sagemaker:ListTags"], endpoint, config, model)
        handler.allow(
            ["iam:PassRole"],
            self.endpoint_role.role_arn,
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )
        self.queue.grant_consume_messages(handler.role)
        handler.allow(["sns:Publish"], self.topic.topic_arn)
        self.key.grant(handler.role, *_USE_KEY, "kms:CreateGrant", "kms:DescribeKey")

    def lifetime(self, handler: Handler) -> None:
        """Writes and removes declarations, and removes what an endpoint consists of."""
        handler.allow(["ssm:GetParameter", "ssm:PutParameter", "ssm:DeleteParameter"], self._parameters[1])
        handler.allow(["sqs:SendMessage"], self.queue.queue_arn)
        self._sagemaker(handler, "List", "Models", "EndpointConfigs", resources=["*"])
        for verb in ("Describe", "Delete"):
            self._sagemaker(handler, verb, "Endpoint", resources=[self._arn("endpoint")])
        self._sagemaker(handler, "Delete", "EndpointConfig", resources=[self._arn("endpoint-config")])
        self._sagemaker(handler, "Delete", "Model", resources=[self._arn("model")])
        handler.allow(["sagemaker:ListTags"], self._arn("endpoint-config"), self._arn("model"))
        self.key.grant(handler.role, *_USE_KEY)

    @property
    def _parameters(self) -> tuple[str, str]:
        path = names.parameter_path(self.stage).removeprefix("/")
        parameter = self.stack.format_arn(service="ssm", resource="parameter", resource_name=path)
        return parameter, f"{parameter}/*"

    def _arn(self, kind: str) -> str:
        name = names.resource_name(self.stage, "*")
        return self.stack.format_arn(service="sagemaker", resource=kind, resource_name=name)

    @staticmethod
    def _sagemaker(handler: Handler, verb: str, *kinds: str, resources: list[str]) -> None:
        handler.allow([f"sagemaker:{verb}{kind}" for kind in kinds], *resources)
