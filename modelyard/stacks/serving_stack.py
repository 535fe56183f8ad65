"""What makes an approval serve and new data train, for all projects of a stage."""

from collections.abc import Sequence

from aws_cdk import aws_sns as sns
from constructs import Construct

from modelyard import names
from modelyard.constructs.approval_hook import ApprovalHook
from modelyard.constructs.artifact_store import ArtifactStore
from modelyard.constructs.data_trigger import DataTrigger
from modelyard.constructs.notification_topic import notification_topic
from modelyard.constructs.parameter_registry import ParameterRegistry
from modelyard.constructs.platform_parameters import add_hook
from modelyard.constructs.serving_dashboard import add_serving_dashboard
from modelyard.settings import DataTriggerSettings, Project, Stage
from modelyard.stacks.base import StageStack
from modelyard.stacks.foundation_stack import FoundationStack


class ServingStack(StageStack):
    """The approval hook of a stage, and a dashboard called `modelyard-<stage>-serving`.

    Where a project has a `data_trigger`, new data starts its pipeline. All rules stand here: the pipelines are known by
    their names, so that the projects' stacks can refer to this one.

    Args:
        stage: where it stands.
        foundation: the stage's key, ledger and roles.
        projects: those of the stage. Default: none.

    Attributes:
        topic: where alarms and roll backs are told of.
        hook: the approval hook.
        data_trigger: starts pipelines on new data, None where no project asks for it.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        foundation: FoundationStack,
        projects: Sequence[Project] = (),
    ) -> None:
        super().__init__(scope, id, stage=stage, description=f"Modelyard {stage.name}: approval hook")
        key = foundation.store.key
        self.topic = notification_topic(self, "Notifications", key)
        for index, email in enumerate(stage.notification_emails):
            sns.Subscription(
                self, f"Email{index}", topic=self.topic, protocol=sns.SubscriptionProtocol.EMAIL, endpoint=email
            )
        self.hook = ApprovalHook(
            self,
            "ApprovalHook",
            stage=stage.name,
            ledger=foundation.ledger,
            store=foundation.store,
            endpoint_role=foundation.roles.endpoint,
            topic=self.topic,
        )
        name = names.resource_name(stage.name, "serving")
        add_serving_dashboard(self, "Dashboard", name=name, hook=self.hook)
        add_hook(ParameterRegistry(self, "Parameters", stage=stage.name), self.hook)
        triggered = [(project, keys) for project in projects if (keys := project.data_trigger)]
        self.data_trigger = self._add_data_trigger(stage, foundation.store, triggered) if triggered else None

    def _add_data_trigger(
        self, stage: Stage, store: ArtifactStore, triggered: Sequence[tuple[Project, DataTriggerSettings]]
    ) -> DataTrigger:
        trigger = DataTrigger(self, "DataTrigger", stage=stage.name, store=store, topic=self.topic)
        for project, keys in triggered:
            trigger.add_pipeline(
                project.name,
                pipeline_name=names.resource_name(stage.name, project.name),
                prefix=project.data_prefix,
                quiet_seconds=keys.quiet_seconds,
            )
        trigger.attach()
        return trigger
