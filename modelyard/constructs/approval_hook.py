"""What makes an approved model version serve."""

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from modelyard import names
from modelyard.constructs.arns import Arns
from modelyard.constructs.artifact_store import ArtifactStore
from modelyard.constructs.handler import Handler
from modelyard.constructs.hook_metrics import HookMetrics
from modelyard.constructs.hook_permissions import HookPermissions
from modelyard.constructs.ledger import Ledger
from modelyard.constructs.paging_alarm import PagingAlarm
from modelyard.constructs.provider import ResourceProvider
from modelyard.constructs.resource import token

_EVENTS = {
    "ModelPackage": "SageMaker Model Package State Change",
    "Endpoint": "SageMaker Endpoint State Change",
    "EndpointDeployment": "SageMaker Endpoint Deployment State Change",
}
_RETENTION = Duration.days(14)
_HEARTBEAT = Duration.minutes(15)
_RECONCILE_TIMEOUT = Duration.minutes(2)
# Lambda asks for a visibility timeout of at least six times the function's:
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
_VISIBILITY_TIMEOUT = Duration.minutes(12)
_MAX_RECEIVES = 10
# CloudFormation waits an hour for a custom resource; the deletion of an endpoint gives up before that, with a reason.
_LIFETIME_TIMEOUT = Duration.minutes(55)


class ApprovalHook(Construct):
    """Wakes on events and on a heartbeat, and brings each declared endpoint to its desired version.

    Rules for the state changes of model packages, endpoints and deployments, and a heartbeat every 15 minutes, invoke
    `wake`. It sends a message for each affected endpoint to a FIFO queue, from which `reconcile` takes one at a time.
    `lifetime` answers for the custom resource of a `ModelEndpoint`. What none of them could handle ends in a
    dead-letter queue; alarms watch these queues and the errors of `reconcile`.

    Args:
        stage: name of the stage, whose endpoints it cares for.
        ledger: where approvals, attempts and holds stand.
        store: the stage's key, which encrypts the queues, the topic and the volumes of endpoints.
        endpoint_role: the role that endpoints run as.
        topic: what alarms and roll backs are told to.

    Attributes:
        provider: answers for the custom resource of a `ModelEndpoint`.
        queue: of the endpoints to be reconciled.
        functions: `wake` and `reconcile`, by name.
        dead_letter_queues: of events and of messages, by what they hold.
        metrics: what `reconcile` says of errors and of each endpoint.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: str,
        ledger: Ledger,
        store: ArtifactStore,
        endpoint_role: iam.IRole,
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, id)
        self._key = store.key
        dead_events = self._queue("DeadEvents")
        dead_messages = self._queue("DeadMessages", fifo=True)
        self.queue = self._queue(
            "Queue",
            fifo=True,
            visibility_timeout=_VISIBILITY_TIMEOUT,
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead_messages, max_receive_count=_MAX_RECEIVES),
        )
        environment = {
            "LEDGER_TABLE": token(ledger.table, "table_name"),
            "DECLARATIONS_PATH": names.parameter_path(stage) + "/",
            "QUEUE_URL": token(self.queue, "queue_url"),
            "TOPIC_ARN": token(topic, "topic_arn"),
        }

        def handler(id: str, name: str, description: str, timeout: Duration | None = None) -> Handler:
            return Handler(
                self,
                id,
                folder="serving",
                handler=name,
                description=f"Modelyard {stage}: {description}",
                environment=environment,
                timeout=timeout,
                dead_letter_queue=dead_events if id == "Wake" else None,
            )

        wake = handler("Wake", "wake.handler", "from an event to the endpoints it concerns")
        reconcile = handler("Reconcile", "reconcile.handler", "one step to the desired version", _RECONCILE_TIMEOUT)
        on_event = handler("OnEvent", "lifetime.on_event", "creates, updates, deletes a declaration")
        is_complete = handler("IsComplete", "lifetime.is_complete", "whether an endpoint is gone")
        permissions = HookPermissions(
            Arns.of(scope),
            stage=stage,
            ledger=ledger,
            store=store,
            queue=self.queue,
            topic=topic,
            endpoint_role=endpoint_role,
        )
        for function, fill in (
            (wake, permissions.wake),
            (reconcile, permissions.reconcile),
            (on_event, permissions.lifetime),
            (is_complete, permissions.lifetime),
        ):
            fill(function.permissions)
            function.permissions.attach()
        mapping = reconcile.function.add_event_source_mapping(
            "Messages", event_source_arn=token(self.queue, "queue_arn"), batch_size=1
        )
        mapping.node.add_dependency(reconcile.role)
        self.provider = ResourceProvider(
            self,
            "Lifetime",
            on_event=on_event.function,
            is_complete=is_complete.function,
            total_timeout=_LIFETIME_TIMEOUT,
        )
        self._add_rules(wake, dead_events)
        self.functions: Mapping[str, lambda_.IFunction] = {"wake": wake.function, "reconcile": reconcile.function}
        self.dead_letter_queues = {"events": dead_events, "messages": dead_messages}
        self._add_alarms(self.dead_letter_queues, topic)
        self.metrics = HookMetrics(self, "Metrics", stage=stage, log_group=reconcile.log_group, topic=topic)

    def _queue(
        self,
        id: str,
        *,
        fifo: bool = False,
        visibility_timeout: Duration | None = None,
        dead_letter_queue: sqs.DeadLetterQueue | None = None,
    ) -> sqs.Queue:
        return sqs.Queue(
            self,
            id,
            fifo=True if fifo else None,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=self._key,
            enforce_ssl=True,
            retention_period=_RETENTION,
            visibility_timeout=visibility_timeout,
            dead_letter_queue=dead_letter_queue,
        )

    def _add_rules(self, wake: Handler, dead_events: sqs.Queue) -> None:
        rules = [
            events.Rule(
                self,
                f"{id}Changed",
                description=f"Modelyard: {detail_type}",
                event_pattern=events.EventPattern(source=["aws.sagemaker"], detail_type=[detail_type]),
            )
            for id, detail_type in _EVENTS.items()
        ]
        rules.append(
            events.Rule(
                self,
                "Heartbeat",
                description="Modelyard: makes good what events missed",
                schedule=events.Schedule.rate(_HEARTBEAT),
            )
        )
        target = targets.LambdaFunction(wake.function, dead_letter_queue=dead_events)
        for rule in rules:
            rule.add_target(target)

    def _add_alarms(self, queues: Mapping[str, sqs.Queue], topic: sns.ITopic) -> None:
        for name, queue in queues.items():
            PagingAlarm(
                self,
                f"Dead{name.capitalize()}Alarm",
                description=f"The approval hook failed on {name} that wait in a dead-letter queue",
                namespace="AWS/SQS",
                metric="ApproximateNumberOfMessagesVisible",
                dimensions={"QueueName": token(queue, "queue_name")},
                statistic="Maximum",
                topic=topic,
            )
