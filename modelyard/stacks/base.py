"""What the stacks of a stage have in common."""

from aws_cdk import Environment, PermissionsBoundary, Stack
from constructs import Construct

from modelyard.constructs.permissions import acknowledge
from modelyard.settings import Stage

_RULES = "NIST.800.53.R5-"
# What holds for all roles, functions and logs of the platform; the rest is acknowledged where it is.
_ACKNOWLEDGED = {
    "IAMNoInlinePolicy": "each policy is that of one role and lives and dies with it; nobody else is to attach it",
    "LambdaInsideVPC": "the functions call APIs of AWS alone, with TLS; a VPC would add an interface endpoint for each",
    "LambdaConcurrency": "the queue's message groups bound them; a reservation would take from others of the account",
    "LambdaDLQ": "without one are only functions whose caller awaits the result and asks again, or says that it failed",
    "CloudWatchLogGroupEncrypted": "CloudWatch Logs encrypts them itself; a log group takes no key by its alias, "
    "all that is known of an adopted one, and no data of models or requests is logged",
}


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


def acknowledge_for_platform(stack: Stack) -> None:
    """Acknowledge what cdk-nag says of every role, function and log of the platform."""
    acknowledge(stack, {f"{_RULES}{rule}": reason for rule, reason in _ACKNOWLEDGED.items()})
