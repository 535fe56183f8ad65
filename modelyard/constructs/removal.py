"""What becomes of a stateful resource when its stack lets go of it."""

from aws_cdk import RemovalPolicy


def removal_policy(retain: bool) -> RemovalPolicy:
    """Retained, on whatever occasion but one: a deployment that made the resource and failed takes it away again.

    It holds nothing yet, and its physical name would stand in the way of the next deployment.
    """
    return RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if retain else RemovalPolicy.DESTROY
