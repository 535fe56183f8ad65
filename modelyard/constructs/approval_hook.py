"""What makes an approved model version serve."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from aws_cdk import CfnResource
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from modelyard import names
from modelyard.constructs.arns import Arns
from modelyard.constructs.artifact_store import ArtifactStore, allow_volumes
from modelyard.constructs.encrypted_queue import EncryptedQueue
from modelyard.constructs.growing_policy import GrowingPolicy
from modelyard.constructs.handler import Handler
from modelyard.constructs.hook_metrics import HookMetrics
from modelyard.constructs.hook_permissions import LIFETIME_OTHER, RECONCILE_OTHER, HookPermissions, other_endpoint
from modelyard.constructs.ledger import Ledger
from modelyard.constructs.paging_alarm import paging_alarm
from modelyard.constructs.part import Part
from modelyard.constructs.permissions import Permissions
from modelyard.constructs.provider import ResourceProvider
from modelyard.constructs.resource import token
from modelyard.settings import ConfigurationError

if TYPE_CHECKING:
    from modelyard.constructs.model_registry import ModelRegistry

_EVENTS = {
    "ModelPackage": "SageMaker Model Package State Change",
    "Endpoint": "SageMaker Endpoint State Change",
    "EndpointDeployment": "SageMaker Endpoint Deployment State Change",
}
# A role takes 10,240 characters of policies, of which the stage's own endpoints need these fewer; and what the ARNs of
# an endpoint take, less its names.
_ROOM, _ARNS = 4000, 420
_PARTS = "versions, models, configs and alarms of one endpoint, whose names end with numbers and hashes"
_TO_SAGEMAKER = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
_HEARTBEAT = "rate(15 minutes)"
_RECONCILE_SECONDS = 120
_MAX_RECEIVES = 10
# CloudFormation waits an hour for a custom resource; the deletion of an endpoint gives up before that, with a reason.
_LIFETIME_SECONDS = 3300


class ApprovalHook(Part):
    """Wakes on events and on a heartbeat, and brings each declared endpoint to its desired version.

    Rules for the state changes of model packages, endpoints and deployments, and a heartbeat every 15 minutes, invoke
    `wake`. It sends a message for each affected endpoint to a FIFO queue, from which `reconcile` takes one at a time.
    `lifetime` answers for the custom resource of a `ModelEndpoint`. What none of them could handle ends in a
    dead-letter queue; alarms watch these queues and the errors of `reconcile`.

    Args:
        ledger: where approvals, attempts and holds stand.
        store: the stage's key, which encrypts the queues, the topic and the volumes of endpoints.
        endpoint_role: the role that endpoints run as.
        topic: what alarms and roll backs are told to.
        stage: name of the stage, whose endpoints it cares for. Default: that of `store`.

    Attributes:
        stage: name of the stage.
        store: the stage's key and buckets.
        ledger: where approvals, attempts and holds stand.
        endpoint_role: the role that endpoints run as.
        provider: answers for the custom resource of a `ModelEndpoint`.
        queue: of the endpoints to be reconciled.
        queue_name: its name.
        queue_url: its URL.
        functions: `wake` and `reconcile`, by name.
        function_names: their names.
        dead_letter_queues: of events and of messages, by what they hold.
        dead_letter_queue_names: their names.
        metrics: what `reconcile` says of errors and of each endpoint.

    Example:
        >>> store = ArtifactStore(stack, "Store", stage="age")
        >>> hook = ApprovalHook(
        ...     stack,
        ...     "Hook",
        ...     ledger=Ledger(stack, "Ledger", stage="age", key=store.key),
        ...     store=store,
        ...     endpoint_role=ExecutionRoles(stack, "Roles", store=store).endpoint,
        ...     topic=Topic(stack, "Topic", master_key=store.key),
        ... )
        >>> defaults = StackDefaults(stack, store=store, hook=hook)
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        ledger: Ledger,
        store: ArtifactStore,
        endpoint_role: iam.IRole,
        topic: sns.ITopic,
        stage: str | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.stage = stage = stage or store.stage
        self.store = store
        self.ledger = ledger
        self.endpoint_role = endpoint_role
        dead_events = EncryptedQueue(self, "DeadEvents", key=store.key)
        dead_messages = EncryptedQueue(self, "DeadMessages", key=store.key, fifo=True)
        queue = EncryptedQueue(
            self,
            "Queue",
            key=store.key,
            fifo=True,
            consumer_seconds=_RECONCILE_SECONDS,
            dead_letters=dead_messages,
            max_receives=_MAX_RECEIVES,
        )
        environment = {
            "LEDGER_TABLE": ledger.table_name,
            "DECLARATIONS_PATH": names.parameter_path(stage) + "/",
            "QUEUE_URL": queue.queue_url,
            "TOPIC_ARN": token(topic, "topic_arn"),
        }

        allowed = HookPermissions(
            Arns.of(self),
            stage=stage,
            ledger=ledger,
            store=store,
            queue_arn=queue.queue_arn,
            topic=topic,
            endpoint_role=endpoint_role,
        )

        def handler(
            id: str, name: str, description: str, fill: Callable[[Permissions], None], timeout_seconds: int = 60
        ) -> Handler:
            permissions = Permissions()
            fill(permissions)
            return Handler(
                self,
                id,
                folder="serving",
                handler=name,
                description=f"Modelyard {stage}: {description}",
                permissions=permissions,
                environment=environment,
                timeout_seconds=timeout_seconds,
                dead_letter_queue_arn=dead_events.queue_arn if id == "Wake" else None,
            )

        wake = handler("Wake", "serving.wake.handler", "from an event to the endpoints it concerns", allowed.wake)
        reconcile = handler(
            "Reconcile",
            "serving.reconcile.handler",
            "one step to the desired version",
            allowed.reconcile,
            _RECONCILE_SECONDS,
        )
        lambda_.CfnEventSourceMapping(
            self,
            "Messages",
            function_name=reconcile.function_name,
            event_source_arn=queue.queue_arn,
            batch_size=1,
        )
        lifetime = Permissions()
        allowed.lifetime(lifetime)
        self.provider = ResourceProvider(
            self,
            "Lifetime",
            folder="serving",
            module="lifetime",
            description=f"Modelyard {stage}: declares endpoints and deletes them",
            permissions=lifetime,
            environment=environment,
            waits_seconds=_LIFETIME_SECONDS,
            key=store.key,
        )
        self._add_rules(wake, dead_events)
        self._handlers = {"wake": wake, "reconcile": reconcile}
        self._queue = queue
        self._dead_letters = {"events": dead_events, "messages": dead_messages}
        self._add_alarms(topic)
        self.metrics = HookMetrics(self, "Metrics", stage=stage, log_group_name=reconcile.log_group_name, topic=topic)

        self._arns = Arns.of(self)
        self._other_endpoints = (
            GrowingPolicy(reconcile, "OtherEndpoints", lambda: reconcile.role, RECONCILE_OTHER, because=_PARTS),
            GrowingPolicy(
                self.provider, "OtherEndpoints", lambda: self.provider.handler.role, LIFETIME_OTHER, because=_PARTS
            ),
        )
        self._room = _ROOM
        self._endpoint_names: set[str] = set()
        self._other_roles = GrowingPolicy(
            reconcile, "OtherRoles", lambda: reconcile.role, ["iam:PassRole"], conditions=_TO_SAGEMAKER
        )

    @property
    def queue(self) -> sqs.IQueue:
        """Of the endpoints to be reconciled; the hook alone sends to it."""
        return self._queue.queue

    @property
    def queue_name(self) -> str:
        """The name of `queue`."""
        return self._queue.queue_name

    @property
    def queue_url(self) -> str:
        """The URL of `queue`."""
        return self._queue.queue_url

    @property
    def dead_letter_queues(self) -> Mapping[str, sqs.IQueue]:
        """Of events and of messages, by what they hold; to their policies the CDK adds nothing."""
        return {name: dead.queue for name, dead in self._dead_letters.items()}

    @property
    def dead_letter_queue_names(self) -> Mapping[str, str]:
        """The names of `dead_letter_queues`."""
        return {name: dead.queue_name for name, dead in self._dead_letters.items()}

    @property
    def function_names(self) -> Mapping[str, str]:
        """The names of `functions`."""
        return {name: handler.function_name for name, handler in self._handlers.items()}

    @property
    def functions(self) -> Mapping[str, lambda_.IFunction]:
        """`wake` and `reconcile`, by name."""
        return {name: handler.function for name, handler in self._handlers.items()}

    def allow_endpoint(
        self, endpoint_name: str, registry: "ModelRegistry", role: iam.IRole, volume_key: kms.IKey | None = None
    ) -> None:
        """Care for an endpoint that runs as `role`, serves versions of `registry` and encrypts with `volume_key`.

        Nothing is to be done for one that runs as `endpoint_role` with the key of `store` or none, if both names are of
        the stage.

        Raises:
            ConfigurationError: it is declared already, or one more than IAM lets a role be told by name.
        """
        if endpoint_name in self._endpoint_names:
            raise ConfigurationError(
                f"endpoint_name: received {endpoint_name}, which another endpoint of the approval hook has; choose "
                "another name"
            )
        self._endpoint_names.add(endpoint_name)
        group = registry.model_package_group_name
        prefix = names.resource_name(self.stage, "")
        if not (endpoint_name.startswith(prefix) and group.startswith(prefix)):
            self._room -= _ARNS + 5 * len(endpoint_name) + len(group)
            if self._room < 0:
                raise ConfigurationError(
                    f"endpoint_name: received {endpoint_name}, and the policy of the approval hook has no room to name "
                    f"one more endpoint; allowed for it and its model package group: names that begin with {prefix}"
                )
            for policy in self._other_endpoints:
                policy.allow(*other_endpoint(self._arns, endpoint_name, group))
        if role is not self.endpoint_role:
            self._other_roles.allow(token(role, "role_arn"))
        if volume_key is not None and volume_key is not self.store.key:
            for user in (self._handlers["reconcile"].role, role):
                allow_volumes(user, volume_key)

    def _add_rules(self, wake: Handler, dead_events: EncryptedQueue) -> None:
        occasions: dict[str, dict[str, Any]] = {
            f"{id}Changed": {
                "description": f"Modelyard: {detail_type}",
                "event_pattern": {"source": ["aws.sagemaker"], "detail-type": [detail_type]},
            }
            for id, detail_type in _EVENTS.items()
        }
        occasions["Heartbeat"] = {
            "description": "Modelyard: makes good what events missed",
            "schedule_expression": _HEARTBEAT,
        }
        target = {"id": "Wake", "arn": wake.function_arn, "deadLetterConfig": {"arn": dead_events.queue_arn}}
        arns = []
        for id, occasion in occasions.items():
            arn = events.CfnRule(self, id, targets=[target], **occasion).attr_arn
            CfnResource(
                self,
                f"{id}Invokes",
                type="AWS::Lambda::Permission",
                properties={
                    "Action": "lambda:InvokeFunction",
                    "FunctionName": wake.function_arn,
                    "Principal": "events.amazonaws.com",
                    "SourceArn": arn,
                },
            )
            arns.append(arn)
        dead_events.let_rules_send(arns)

    def _add_alarms(self, topic: sns.ITopic) -> None:
        for name, queue in self._dead_letters.items():
            paging_alarm(
                self,
                f"Dead{name.capitalize()}Alarm",
                description=f"The approval hook failed on {name} that wait in a dead-letter queue",
                namespace="AWS/SQS",
                metric="ApproximateNumberOfMessagesVisible",
                dimensions={"QueueName": queue.queue_name},
                statistic="Maximum",
                topic=topic,
            )
