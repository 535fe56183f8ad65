"""An encrypted queue."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from modelyard.constructs.permissions import acknowledge, document
from modelyard.constructs.resource import token

__all__ = ["EncryptedQueue"]

_FOURTEEN_DAYS = 14 * 24 * 3600
# What Lambda asks for at least: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
_VISIBILITY = 6


class EncryptedQueue:
    """An SQS queue that encrypts its messages and refuses requests without TLS.

    Args:
        scope: of the queue.
        id: of the queue.
        key: encrypts the messages. Default: SQS's own.
        fifo: whether messages of a group keep their order. Default: they do not.
        delay_seconds: how long a message is kept back. Default: not at all.
        consumer_seconds: how long the function that consumes the messages may take; for six times as long nobody else
            receives a message that was received. Default: no function consumes them.
        retention_seconds: for how long messages are kept. Default: 14 days.
        dead_letters: where messages go that were received `max_receives` times. Default: nowhere.
        max_receives: see `dead_letters`.
        without_dead_letters: why there are none; acknowledges cdk-nag's finding. Default: it is to find that.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        key: kms.IKey | None = None,
        fifo: bool = False,
        delay_seconds: int | None = None,
        consumer_seconds: int | None = None,
        retention_seconds: int = _FOURTEEN_DAYS,
        dead_letters: "EncryptedQueue | None" = None,
        max_receives: int | None = None,
        without_dead_letters: str = "",
    ) -> None:
        self._scope = scope
        self._id = id
        self._key = key
        self._fifo = fifo
        self._resource = sqs.CfnQueue(
            scope,
            id,
            # SQS refuses `false`.
            fifo_queue=True if fifo else None,
            kms_master_key_id=token(key, "key_arn") if key else None,
            sqs_managed_sse_enabled=None if key else True,
            message_retention_period=retention_seconds,
            delay_seconds=delay_seconds,
            visibility_timeout=consumer_seconds and _VISIBILITY * consumer_seconds,
            redrive_policy=dead_letters
            and {"deadLetterTargetArn": dead_letters.queue_arn, "maxReceiveCount": max_receives},
        )
        if without_dead_letters:
            acknowledge(self._resource, {"AwsSolutions-SQS3": without_dead_letters})
        insecure = {
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": "sqs:*",
            "Resource": self.queue_arn,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        self._statements: list[dict[str, Any]] = [insecure]
        self._policy = sqs.CfnQueuePolicy(
            scope, f"{id}Policy", queues=[self.queue_url], policy_document=document(self._statements)
        )

    @property
    def queue_arn(self) -> str:
        """The queue's ARN."""
        return token(self._resource, "attr_arn")

    @property
    def queue_name(self) -> str:
        """The queue's name."""
        return token(self._resource, "attr_queue_name")

    @property
    def queue_url(self) -> str:
        """The queue's URL."""
        return token(self._resource, "ref")

    @cached_property
    def queue(self) -> sqs.IQueue:
        """The queue, for what the CDK builds upon it; to its policy, which stands already, the CDK adds nothing."""
        return sqs.Queue.from_queue_attributes(
            self._scope,
            f"{self._id}Known",
            queue_arn=self.queue_arn,
            queue_url=self.queue_url,
            key_arn=token(self._key, "key_arn") if self._key else None,
            fifo=self._fifo,
        )

    def let_rules_send(self, rule_arns: Sequence[str]) -> None:
        """Let rules of EventBridge send messages."""
        send = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": self.queue_arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": list(rule_arns)}},
        }
        self._statements.append(send)
        self._policy.policy_document = document(self._statements)
