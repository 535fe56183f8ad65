"""An event rule, a function, a FIFO queue and a second function: the shape of a serving hook."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_sqs as sqs


class RelayStack(cdk.Stack):
    """Events of source ``test.relay`` end as parameters ``/relay/NAME``."""

    def __init__(self, scope: cdk.App, name: str) -> None:
        super().__init__(scope, name)
        queue = sqs.Queue(self, "Queue", fifo=True)
        first = self._function("first", {"QUEUE_URL": queue.queue_url})
        last = self._function("last", {})
        queue.grant_send_messages(first)
        last.add_to_role_policy(iam.PolicyStatement(actions=["ssm:PutParameter"], resources=["*"]))
        last.add_event_source(event_sources.SqsEventSource(queue, batch_size=1))
        pattern = events.EventPattern(source=["test.relay"])
        events.Rule(self, "Rule", event_pattern=pattern, targets=[targets.LambdaFunction(first)])

    def _function(self, handler: str, environment: dict[str, str]) -> lambda_.Function:
        return lambda_.Function(
            self,
            handler,
            runtime=lambda_.Runtime.PYTHON_3_13,
            code=lambda_.Code.from_asset(str(Path(__file__).parent / "functions")),
            handler=f"relay.{handler}",
            environment=environment,
        )


app = cdk.App()
RelayStack(app, "Relay")
app.synth()
