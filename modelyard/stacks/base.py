"""What the stacks of a stage have in common."""

from aws_cdk import Environment, PermissionsBoundary, Stack
from constructs import Construct

from modelyard.constructs.acknowledged import acknowledge_for_platform
from modelyard.settings import Stage


class StageStack(Stack):
    """A stack in a stage's account and region, whose roles have the stage's permissions boundary.

    Args:
        stage: where it stands.
        description: shown by CloudFormation.
        protected: whether CloudFormation refuses to delete it until its termination protection is taken off.
    """

    def __init__(self, scope: Construct, id: str, *, stage: Stage, description: str, protected: bool = False) -> None:
        boundary = stage.permissions_boundary
        super().__init__(
            scope,
            id,
            description=description,
            env=Environment(account=stage.account, region=stage.region),
            termination_protection=protected,
            permissions_boundary=PermissionsBoundary.from_arn(boundary) if boundary else None,
        )
        self.stage_settings = stage
        acknowledge_for_platform(self)
