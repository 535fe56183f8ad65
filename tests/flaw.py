"""What every set of rules has to find."""

from aws_cdk import CfnResource, Stack
from aws_cdk import aws_iam as iam

__all__ = ["add_flaw"]


def add_flaw(stack: Stack) -> None:
    """Add what cdk-nag finds, and what CloudFormation's own rules do."""
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    role.add_to_policy(iam.PolicyStatement(actions=["s3:*"], resources=["*"]))
    CfnResource(stack, "Queue", type="AWS::SQS::Queue", properties={"DelaySeconds": "soon"})
