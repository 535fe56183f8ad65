"""Starts pipelines when new data has come."""

import json

from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from modelyard.constructs.arns import Arns
from modelyard.constructs.artifact_store import ArtifactStore
from modelyard.constructs.encrypted_queue import EncryptedQueue
from modelyard.constructs.handler import Handler
from modelyard.constructs.paging_alarm import paging_alarm
from modelyard.constructs.part import Part
from modelyard.constructs.resource import token
from modelyard.constructs.starting_permissions import allow_starting

_TIMEOUT_SECONDS = 300
_MAX_RECEIVES = 5
# A burst of objects is looked at by few invocations: one batch is one look at each of its pipelines.
_BATCH = 100
_BATCHING_WINDOW_SECONDS = 1
_CONCURRENCY = 2
_RECEIVE = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]


class DataTrigger(Part):
    """Starts a pipeline on new data in a stage's data bucket, once nothing more has come for a quiet time.

    Every object that comes below a prefix sends a message, which a queue keeps for the quiet time. Of a burst the last
    object's message starts the pipeline, unless it has run on the same definition and data. What cannot be handled ends
    in a dead-letter queue, which an alarm watches. The data bucket has to send its events to EventBridge.

    Args:
        stage: name of the stage, shown by Lambda.
        store: the stage's data bucket, and the key that encrypts the queues.
        topic: what the alarm tells.

    Attributes:
        dead_letter_queue: of messages that were not handled.
        function: looks at the data and starts pipelines.
    """

    def __init__(self, scope: Construct, id: str, *, stage: str, store: ArtifactStore, topic: sns.ITopic) -> None:
        super().__init__(scope, id)
        self._store = store
        self._arns = Arns.of(scope)
        self._queues: dict[int, EncryptedQueue] = {}
        self._rules: dict[str, tuple[int, events.CfnRule]] = {}
        self._dead_letters = EncryptedQueue(self, "DeadData", key=store.key)
        self._handler = Handler(
            self,
            "DataArrived",
            folder="delivery",
            handler="delivery.data_arrived.handle",
            description=f"Modelyard {stage}: starts pipelines on new data",
            timeout_seconds=_TIMEOUT_SECONDS,
        )
        paging_alarm(
            self,
            "DeadDataAlarm",
            description="New data did not start its pipeline; messages of it wait in a dead-letter queue",
            namespace="AWS/SQS",
            metric="ApproximateNumberOfMessagesVisible",
            dimensions={"QueueName": self._dead_letters.queue_name},
            statistic="Maximum",
            topic=topic,
        )

    @property
    def dead_letter_queue(self) -> sqs.IQueue:
        """Of messages that were not handled."""
        return self._dead_letters.queue

    @property
    def function(self) -> lambda_.IFunction:
        """Looks at the data and starts pipelines."""
        return self._handler.function

    def add_pipeline(self, id: str, *, pipeline_name: str, prefix: str, quiet_seconds: int) -> None:
        """Start a pipeline on new data.

        Args:
            id: of what is made for it.
            pipeline_name: the pipeline; it need not exist yet.
            prefix: how the keys of its data begin.
            quiet_seconds: for how long no object must have come, at most 900.
        """
        queue = self._queue_for(quiet_seconds)
        message = json.dumps({"pipeline": pipeline_name, "prefix": prefix})
        self._rules[pipeline_name] = (
            quiet_seconds,
            events.CfnRule(
                self,
                id,
                description=f"Modelyard: new data for {pipeline_name}",
                event_pattern={
                    "source": ["aws.s3"],
                    "detail-type": ["Object Created"],
                    "detail": {
                        "bucket": {"name": [token(self._store.data, "bucket_name")]},
                        "object": {"key": [{"prefix": prefix}]},
                    },
                },
                targets=[
                    events.CfnRule.TargetProperty(
                        id="Queue",
                        arn=queue.queue_arn,
                        # The event as a whole: a key that is taken out of it would not be escaped.
                        input_transformer=events.CfnRule.InputTransformerProperty(
                            input_template=f'{message[:-1]}, "event": <aws.events.event.json>}}'
                        ),
                        dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=self._dead_letters.queue_arn),
                    )
                ],
            ),
        )

    def attach(self) -> None:
        """Give function and rules their permissions; to be called once, after all pipelines have been added."""
        role = self._handler.permissions
        allow_starting(role, self._arns, self._store, *self._rules)
        role.allow(_RECEIVE, *(queue.queue_arn for queue in self._queues.values()))
        self._store.allow_key(role, "kms:Decrypt")
        self._handler.attach()
        for quiet_seconds, queue in self._queues.items():
            queue.let_rules_send([rule.attr_arn for quiet, rule in self._rules.values() if quiet == quiet_seconds])
            lambda_.CfnEventSourceMapping(
                self,
                f"Messages{quiet_seconds}",
                function_name=self._handler.function_name,
                event_source_arn=queue.queue_arn,
                batch_size=_BATCH,
                maximum_batching_window_in_seconds=_BATCHING_WINDOW_SECONDS,
                scaling_config={"maximumConcurrency": _CONCURRENCY},
                function_response_types=["ReportBatchItemFailures"],
            )
        self._dead_letters.let_rules_send([rule.attr_arn for _, rule in self._rules.values()])

    def _queue_for(self, quiet_seconds: int) -> EncryptedQueue:
        """A delay belongs to a queue: EventBridge gives its messages none."""
        if quiet_seconds not in self._queues:
            self._queues[quiet_seconds] = EncryptedQueue(
                self,
                f"Quiet{quiet_seconds}",
                key=self._store.key,
                delay_seconds=quiet_seconds,
                consumer_seconds=_TIMEOUT_SECONDS,
                dead_letters=self._dead_letters,
                max_receives=_MAX_RECEIVES,
            )
        return self._queues[quiet_seconds]
