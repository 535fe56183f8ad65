"""ARNs of resources that are known by name."""

from dataclasses import dataclass

from aws_cdk import Stack
from constructs import IConstruct


@dataclass(frozen=True)
class Arns:
    """ARNs in the partition, account and region of a stack; asks the CDK for these three once."""

    partition: str
    region: str
    account: str

    @staticmethod
    def of(scope: IConstruct) -> "Arns":
        """ARNs in the stack of `scope`."""
        stack = Stack.of(scope)
        return Arns(stack.partition, stack.region, stack.account)

    def arn(self, service: str, resource: str) -> str:
        """The ARN of `resource`, which is written as the service writes it, such as `model-package/name/1`."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"
