"""ARNs of resources that are known by name."""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

from aws_cdk import Stack
from constructs import IConstruct


@dataclass(frozen=True)
class Arns:
    """ARNs in the partition, account and region of a stack; asks the CDK for these three once a stack."""

    partition: str
    region: str
    account: str

    @staticmethod
    def of(scope: IConstruct) -> "Arns":
        """ARNs in the stack of `scope`."""
        stack = scope if isinstance(scope, Stack) else Stack.of(scope)
        if stack not in _OF_STACKS:
            _OF_STACKS[stack] = Arns(stack.partition, stack.region, stack.account)
        return _OF_STACKS[stack]

    def arn(self, service: str, resource: str) -> str:
        """The ARN of `resource`, which is written as the service writes it, such as `model-package/name/1`."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


_OF_STACKS: WeakKeyDictionary[Stack, Arns] = WeakKeyDictionary()
