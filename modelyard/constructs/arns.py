"""ARNs of resources that are known by name."""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

from aws_cdk import Stack, Stage
from constructs import IConstruct

from modelyard.constructs.part import app_of, stack_of


@dataclass(frozen=True)
class Arns:
    """ARNs in the partition, account and region of a stack; asks the CDK for these three once a stack."""

    partition: str
    region: str
    account: str

    @staticmethod
    def of(scope: IConstruct) -> "Arns":
        """ARNs in the stack of `scope`."""
        stack = stack_of(scope)
        if stack not in _OF_STACKS:
            _OF_STACKS[stack] = Arns(stack.partition, stack.region, stack.account)
        return _OF_STACKS[stack]

    @staticmethod
    def tell(stack: Stack, account: str, region: str) -> None:
        """Let `stack` be in an account and region that are known; the partition is asked once a region."""
        partitions = _PARTITIONS.setdefault(app_of(stack), {})
        if region not in partitions:
            partitions[region] = stack.partition
        _OF_STACKS[stack] = Arns(partitions[region], region, account)

    def arn(self, service: str, resource: str) -> str:
        """The ARN of `resource`, which is written as the service writes it, such as `model-package/name/1`."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


_PARTITIONS: WeakKeyDictionary[Stage, dict[str, str]] = WeakKeyDictionary()
_OF_STACKS: WeakKeyDictionary[Stack, Arns] = WeakKeyDictionary()
