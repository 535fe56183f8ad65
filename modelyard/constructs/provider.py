"""A custom resource provider on the CDK's framework."""

from collections.abc import Mapping
from typing import cast

from aws_cdk import Duration, RemovalPolicy, custom_resources
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from modelyard.constructs.handler import WRITE_LOG, Handler
from modelyard.constructs.part import Part
from modelyard.constructs.permissions import (
    acknowledge,
    acknowledge_wildcards,
    allow,
    is_acknowledging,
    policy_document,
)
from modelyard.constructs.resource import service_principal

_WAITER = {
    "AwsSolutions-SF1": "the functions that it calls log what happens",
    "AwsSolutions-SF2": "it retries one function; there is nothing to trace",
}


class ResourceProvider(Part):
    """Answers CloudFormation for handlers of ours; the CDK's own Lambda functions stand between, on its choice of Node.

    Args:
        on_event: creates, updates, deletes.
        is_complete: asked until it says so. Default: complete when `on_event` returns.
        total_timeout_seconds: how long until the resource counts as failed. Default: the time-out of `on_event`.

    Attributes:
        service_token: of the custom resources it answers for.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        on_event: Handler,
        is_complete: Handler | None = None,
        total_timeout_seconds: int | None = None,
    ) -> None:
        super().__init__(scope, id)
        log_group = logs.LogGroup(
            self, "Logs", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY
        )
        written = {"Log": policy_document([allow(WRITE_LOG, log_group.log_group_arn)])}
        waits = is_complete is not None
        handlers = [
            # The policy of the framework's role suffices.
            lambda_.Function.from_function_attributes(
                self, id, function_arn=handler.function_arn, skip_permissions=True
            )
            for id, handler in (("OnEvent", on_event), ("IsComplete", is_complete))
            if handler
        ]
        provider = custom_resources.Provider(
            self,
            "Framework",
            on_event_handler=handlers[0],
            is_complete_handler=handlers[1] if waits else None,
            total_timeout=Duration.seconds(total_timeout_seconds) if waits and total_timeout_seconds else None,
            framework_on_event_role=self._role("OnEventRole", written),
            framework_complete_and_timeout_role=self._role("CompleteRole", written) if waits else None,
            log_group=log_group,
            disable_waiter_state_machine_logging=True if waits else None,
        )
        self.service_token = provider.service_token
        if is_acknowledging(self):
            self._acknowledge(handlers)

    def _role(self, id: str, policies: Mapping[str, iam.PolicyDocument]) -> iam.Role:
        return iam.Role(self, id, assumed_by=service_principal("lambda.amazonaws.com"), inline_policies=policies)

    def _acknowledge(self, invoked: list[lambda_.IFunction]) -> None:
        """The framework's policies and its state machine are not ours to write."""
        framework = self.node.find_child("Framework")
        waiter = framework.node.try_find_child("waiter-state-machine")
        if waiter is not None:
            own = [framework.node.find_child(id) for id in ("framework-isComplete", "framework-onTimeout")]
            invoked = [*invoked, *(cast(lambda_.IFunction, function) for function in own)]
            acknowledge(waiter, _WAITER)
        patterns = [f"{function.function_arn}:*" for function in invoked]
        acknowledge_wildcards(self, dict.fromkeys(patterns, "any version of the function, says the framework's grant"))
