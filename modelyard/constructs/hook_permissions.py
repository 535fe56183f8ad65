"""What the functions of the approval hook may do; `modelyard/lambdas/serving/README.md` says what they need and why."""

from dataclasses import dataclass

from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns

from modelyard import names
from modelyard.constructs.arns import Arns
from modelyard.constructs.artifact_store import ArtifactStore
from modelyard.constructs.ledger import Ledger
from modelyard.constructs.permissions import Permissions
from modelyard.constructs.resource import token

_USE_KEY = ("kms:Decrypt", "kms:GenerateDataKey")
_CONSUME = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
_DECLARATIONS = "one declaration for each project of the stage, and projects come and go"
_ENDPOINTS = "one endpoint for each project of the stage, and a config and a model for each version"
_NO_RESOURCES = "lists have no resource-level permissions"
_NO_METRICS = "metrics have no resource-level permissions"
_ALARMS = "a few alarms for each version of each endpoint of the stage"
_ALARM_LISTS = "alarms are looked for by the beginning of their names, which CloudWatch allows for all of them or none"
_TARGETS = "Application Auto Scaling draws the ids of its targets; the condition narrows them to endpoints"

_SCALING_SERVICE = "sagemaker.application-autoscaling.amazonaws.com"
_SCALING_ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"

# Actions of SageMaker to the kinds of resource that they are allowed on.
_RECONCILE = {
    "ListModelPackages ListModels ListEndpointConfigs": "",
    "DescribeModelPackage": "model-package",
    "CreateEndpoint UpdateEndpoint": "endpoint endpoint-config",
    "DescribeEndpoint DeleteEndpoint UpdateEndpointWeightsAndCapacities": "endpoint",
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


# Of one endpoint whose name does not begin as those of the stage do.
RECONCILE_OTHER = [
    *(f"sagemaker:{action}" for actions, kinds in _RECONCILE.items() if kinds for action in actions.split()),
    *("cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms", "cloudwatch:TagResource"),
]
LIFETIME_OTHER = [
    *(f"sagemaker:{action}" for actions, kinds in _LIFETIME.items() if kinds for action in actions.split()),
    "cloudwatch:DeleteAlarms",
]


def other_endpoint(arns: Arns, endpoint_name: str, model_package_group_name: str) -> list[str]:
    """The resources of an endpoint whose name does not begin as those of the stage do."""
    parts = f"{names.artifacts_prefix(endpoint_name)}*"
    return [
        arns.arn("sagemaker", f"endpoint/{endpoint_name}"),
        arns.arn("sagemaker", f"endpoint-config/{parts}"),
        arns.arn("sagemaker", f"model/{parts}"),
        arns.arn("sagemaker", f"model-package/{model_package_group_name}/*"),
        arns.arn("cloudwatch", f"alarm:{parts}"),
        arns.arn("cloudwatch", f"alarm:TargetTracking-endpoint/{endpoint_name}/*"),
    ]


@dataclass(frozen=True)
class HookPermissions:
    """Gives each function of the hook its permissions, on the resources of one stage alone."""

    arns: Arns
    stage: str
    ledger: Ledger
    store: ArtifactStore
    queue_arn: str
    topic: sns.ITopic
    endpoint_role: iam.IRole

    def wake(self, role: Permissions) -> None:
        """Reads declarations, records approvals, sends messages."""
        role.allow(["ssm:GetParametersByPath"], *self._parameters, because=_DECLARATIONS)
        role.allow(["dynamodb:Query", "dynamodb:PutItem"], self.ledger.table_arn)
        role.allow(["sqs:SendMessage"], self.queue_arn)
        self.store.allow_key(role, *_USE_KEY)

    def reconcile(self, role: Permissions) -> None:
        """Reads desired and actual state, and brings an endpoint one step further."""
        role.allow(["ssm:GetParameter"], self._parameters[1], because=_DECLARATIONS)
        role.allow(["dynamodb:Query", "dynamodb:PutItem"], self.ledger.table_arn)
        for actions, kinds in _RECONCILE.items():
            self._sagemaker(role, actions, kinds)
        role.allow(
            ["iam:PassRole"],
            token(self.endpoint_role, "role_arn"),
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )
        self._watch(role)
        self._scale(role)
        role.allow(_CONSUME, self.queue_arn)
        role.allow(["sns:Publish"], token(self.topic, "topic_arn"))
        self.store.allow_key(role, *_USE_KEY)
        self.store.allow_volumes(role)

    def lifetime(self, role: Permissions) -> None:
        """Writes and removes declarations, and removes what an endpoint consists of."""
        own = ["ssm:GetParameter", "ssm:PutParameter", "ssm:DeleteParameter"]
        role.allow(own, self._parameters[1], because=_DECLARATIONS)
        role.allow(["dynamodb:Query", "dynamodb:PutItem", "dynamodb:DeleteItem"], self.ledger.table_arn)
        role.allow(["sqs:SendMessage"], self.queue_arn)
        for actions, kinds in _LIFETIME.items():
            self._sagemaker(role, actions, kinds)
        every_alarm, *own = self._alarms
        role.allow(["cloudwatch:DescribeAlarms"], every_alarm, because=_ALARM_LISTS)
        role.allow(["cloudwatch:DeleteAlarms"], *own, because=_ALARMS)
        self._targets(role, "DeregisterScalableTarget")
        self.store.allow_key(role, *_USE_KEY)

    def _watch(self, role: Permissions) -> None:
        every_alarm, rollout_alarms, _ = self._alarms
        reading = ["cloudwatch:DescribeAlarms", "cloudwatch:DescribeAlarmHistory"]
        role.allow(reading, every_alarm, because=_ALARM_LISTS)
        writing = ["cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms", "cloudwatch:TagResource"]
        role.allow(writing, rollout_alarms, because=_ALARMS)
        role.allow(["cloudwatch:GetMetricStatistics"], "*", because=_NO_METRICS)

    def _scale(self, role: Permissions) -> None:
        """https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-prerequisites.html."""
        lists = ["DescribeScalableTargets", "DescribeScalingPolicies"]
        role.allow([f"application-autoscaling:{action}" for action in lists], "*", because=_NO_RESOURCES)
        self._targets(role, "RegisterScalableTarget", "DeregisterScalableTarget", "PutScalingPolicy")
        # A target tracking policy makes and deletes its alarms in the name of whoever puts it.
        _, _, tracking = self._alarms
        role.allow(["cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"], tracking, because=_ALARMS)
        role.allow(
            ["iam:CreateServiceLinkedRole"],
            f"arn:{self.arns.partition}:iam::{self.arns.account}:role/aws-service-role/{_SCALING_SERVICE}/{_SCALING_ROLE}",
            conditions={"StringEquals": {"iam:AWSServiceName": _SCALING_SERVICE}},
        )

    def _targets(self, role: Permissions, *actions: str) -> None:
        role.allow(
            [f"application-autoscaling:{action}" for action in actions],
            self.arns.arn("application-autoscaling", "scalable-target/*"),
            because=_TARGETS,
            conditions={"StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}},
        )

    @property
    def _alarms(self) -> tuple[str, str, str]:
        """All alarms, those that watch rollouts, and those of target tracking."""
        name = names.resource_name(self.stage, "*")
        return (
            self.arns.arn("cloudwatch", "alarm:*"),
            self.arns.arn("cloudwatch", f"alarm:{name}"),
            self.arns.arn("cloudwatch", f"alarm:TargetTracking-endpoint/{name}"),
        )

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
