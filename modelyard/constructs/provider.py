"""A custom resource provider on the CDK's framework."""

from typing import cast

from aws_cdk import Duration, custom_resources
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from modelyard.constructs.handler import Handler, function_role, log_group_of
from modelyard.constructs.part import Part
from modelyard.constructs.permissions import acknowledge, acknowledge_wildcards, is_acknowledging

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
        log_group = log_group_of(self)
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
            framework_on_event_role=function_role(self, "OnEventRole", log_group),
            framework_complete_and_timeout_role=function_role(self, "CompleteRole", log_group) if waits else None,
            log_group=log_group,
            disable_waiter_state_machine_logging=True if waits else None,
        )
        self.service_token = provider.service_token
        if is_acknowledging(self):
            self._acknowledge(handlers)

    def _acknowledge(self, invoked: list[lambda_.IFunction]) -> None:
        """The framework's policies and its state machine are not ours to write."""
        framework = self.node.find_child("Framework")
        waiter = framework.node.try_find_child("waiter-state-machine")
        if waiter is not None:
            for id in ("framework-isComplete", "framework-onTimeout"):
                invoked.append(cast(lambda_.IFunction, framework.node.find_child(id)))
            acknowledge(waiter, _WAITER)
        patterns = [f"{function.function_arn}:*" for function in invoked]
        acknowledge_wildcards(self, dict.fromkeys(patterns, "any version of the function, says the framework's grant"))
