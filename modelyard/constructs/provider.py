"""Answers CloudFormation for custom resources."""

from collections.abc import Mapping

from aws_cdk import CfnResource
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from modelyard.constructs.encrypted_queue import EncryptedQueue
from modelyard.constructs.handler import Handler
from modelyard.constructs.part import Part
from modelyard.constructs.permissions import Permissions

__all__ = ["ResourceProvider"]

_WAIT = [
    *("sqs:SendMessage", "sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage"),
    "sqs:GetQueueAttributes",
]
_NO_DEAD_LETTERS = "what is not complete in time has failed, and CloudFormation says so"
# CloudFormation waits an hour at most: an answer after that, or what is done for it, would only surprise.
_AN_HOUR = 3600


class ResourceProvider(Part):
    """A function that deals with custom resources, and a queue for those that take longer than an invocation.

    Args:
        folder: the folder of `modelyard/lambdas`.
        module: the folder's module whose `handle` deals with the resource, see `modelyard.lambdas.answering`.
        description: shown by Lambda.
        permissions: what it may do. Default: nothing.
        environment: variables of the function. Default: none.
        timeout_seconds: how long an invocation may take. Default: one minute.
        waits_seconds: for how long the module is asked whether the resource is complete; less than an hour, for which
            CloudFormation waits. Default: it is complete when `handle` returns.
        key: encrypts the queue; its user is allowed by `permissions`. Default: SQS's own.

    Attributes:
        handler: the function.
        service_token: of the custom resources it answers for.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        folder: str,
        module: str,
        description: str,
        permissions: Permissions | None = None,
        environment: Mapping[str, str] | None = None,
        timeout_seconds: int = 60,
        waits_seconds: int | None = None,
        key: kms.IKey | None = None,
    ) -> None:
        super().__init__(scope, id)
        permissions = permissions or Permissions()
        variables = {"RESOURCE": f"{folder}.{module}", **(environment or {})}
        waiting = None
        if waits_seconds is not None:
            waiting = EncryptedQueue(
                self,
                "Waiting",
                key=key,
                consumer_seconds=timeout_seconds,
                retention_seconds=_AN_HOUR,
                without_dead_letters=_NO_DEAD_LETTERS,
            )
            permissions.allow(_WAIT, waiting.queue_arn)
            variables |= {"WAITING_QUEUE_URL": waiting.queue_url, "TOTAL_TIMEOUT_SECONDS": str(waits_seconds)}
        self.handler = Handler(
            self,
            "Handler",
            folder=folder,
            handler="answering.handler",
            description=description,
            permissions=permissions,
            environment=variables,
            timeout_seconds=timeout_seconds,
            dead_letter_queue_arn=waiting.queue_arn if waiting else None,
        )
        CfnResource(
            self,
            "Invocations",
            type="AWS::Lambda::EventInvokeConfig",
            properties={
                "FunctionName": self.handler.function_name,
                "Qualifier": "$LATEST",
                "MaximumEventAgeInSeconds": _AN_HOUR,
            },
        )
        self.service_token = self.handler.function_arn
        if waiting:
            lambda_.CfnEventSourceMapping(
                self,
                "Messages",
                function_name=self.handler.function_name,
                event_source_arn=waiting.queue_arn,
                batch_size=1,
                function_response_types=["ReportBatchItemFailures"],
            )
