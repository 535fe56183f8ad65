"""What makes an approval serve, for all projects of a stage."""

from aws_cdk import aws_sns as sns
from constructs import Construct

from modelyard.settings import Stage
from modelyard.stacks.base import StageStack
from modelyard.stacks.foundation_stack import FoundationStack


class ServingStack(StageStack):
    """The approval hook of a stage.

    Args:
        stage: where it stands.
        foundation: the stage's key, ledger and roles.

    Attributes:
        topic: where alarms and roll backs are told of.
    """

    def __init__(self, scope: Construct, id: str, *, stage: Stage, foundation: FoundationStack) -> None:
        super().__init__(scope, id, stage=stage, description=f"Modelyard {stage.name}: approval hook")
        self.topic = sns.Topic(self, "Notifications", master_key=foundation.store.key, enforce_ssl=True)
