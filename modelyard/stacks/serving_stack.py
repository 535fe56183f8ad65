"""What makes an approval serve, for all projects of a stage."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from modelyard import names
from modelyard.constructs.approval_hook import ApprovalHook
from modelyard.constructs.arns import Arns
from modelyard.constructs.parameter_registry import ParameterRegistry
from modelyard.constructs.resource import token
from modelyard.constructs.serving_dashboard import ServingDashboard
from modelyard.settings import Stage
from modelyard.stacks.base import StageStack
from modelyard.stacks.foundation_stack import FoundationStack


class ServingStack(StageStack):
    """The approval hook of a stage, and a dashboard called `modelyard-<stage>-serving`.

    Args:
        stage: where it stands.
        foundation: the stage's key, ledger and roles.

    Attributes:
        topic: where alarms and roll backs are told of.
        hook: the approval hook.
    """

    def __init__(self, scope: Construct, id: str, *, stage: Stage, foundation: FoundationStack) -> None:
        super().__init__(scope, id, stage=stage, description=f"Modelyard {stage.name}: approval hook")
        key = foundation.store.key
        self.topic = sns.Topic(self, "Notifications", master_key=key, enforce_ssl=True)
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[token(self.topic, "topic_arn")],
                conditions={"StringEquals": {"aws:SourceAccount": Arns.of(self).account}},
            )
        )
        for index, email in enumerate(stage.notification_emails):
            sns.Subscription(
                self, f"Email{index}", topic=self.topic, protocol=sns.SubscriptionProtocol.EMAIL, endpoint=email
            )
        self.hook = ApprovalHook(
            self,
            "ApprovalHook",
            stage=stage.name,
            ledger=foundation.ledger,
            store=foundation.store,
            endpoint_role=foundation.roles.endpoint,
            topic=self.topic,
        )
        name = names.resource_name(stage.name, "serving")
        ServingDashboard(self, "Dashboard", name=name, hook=self.hook)
        ParameterRegistry(self, "Parameters", stage=stage.name).add(
            "queue-url", token(self.hook.queue, "queue_url"), description="queue of the endpoints to be reconciled"
        )
