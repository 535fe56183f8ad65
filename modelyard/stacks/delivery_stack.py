"""What takes a commit from stage to stage."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from modelyard import names
from modelyard.constructs.arns import Arns
from modelyard.constructs.bootstrap import BootstrapRoles
from modelyard.constructs.delivery_access import purposes_of
from modelyard.constructs.delivery_builds import DeliveryBuilds
from modelyard.constructs.delivery_definition import (
    ASSEMBLY,
    SOURCE,
    SOURCE_KEY,
    Actions,
    Block,
    Declaration,
    DeliveredStack,
    DeliveredStage,
    check,
    deployment,
    stage_of,
    stages_of,
)
from modelyard.constructs.delivery_functions import DeliveryFunctions
from modelyard.constructs.delivery_notifications import DeliveryNotifications
from modelyard.constructs.delivery_roles import DeliveryRoles
from modelyard.constructs.delivery_store import DeliveryStore, key_alias_arn
from modelyard.constructs.permissions import Permissions
from modelyard.constructs.resource import service_principal, token
from modelyard.settings import Delivery, Stage
from modelyard.stacks.base import DeliveryAccountStack


class DeliveryRegionStack(DeliveryAccountStack):
    """What the delivery pipeline hands to the stages of another region than its own.

    Args:
        delivery: the delivery.
        region: the other region.
        readers: ARNs of the roles that deploy in it.
    """

    def __init__(self, scope: Construct, id: str, *, delivery: Delivery, region: str, readers: Sequence[str]) -> None:
        description = f"Modelyard: artifacts of the delivery in {region}"
        super().__init__(scope, id, delivery=delivery, region=region, description=description)
        DeliveryStore(self, "Store", readers=readers, retain=not delivery.disposable)


class DeliveryStack(DeliveryAccountStack):
    """A pipeline of CodePipeline from a commit to the last stage, and what it runs on.

    Its stages: Source; Test, which verifies the commit and synthesises; Assets, which publishes them; Update, which
    deploys this stack itself and nothing else; Images; and one for each stage of the platform. The first of these
    trains. The others begin with a plan and a gate, and end with the promotion of what serves in the stage before.

    An execution that is overtaken while it waits for a stage is superseded: nobody has to judge a commit twice.

    Args:
        delivery: where it stands, and where commits come from.
        stages: the stages and their stacks, in the order of their delivery.
        images: the stacks of the images, by region.
        bootstrap: the roles of the stages' and images' accounts and regions.

    Raises:
        ConfigurationError: the pipeline would be larger than CodePipeline allows.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        delivery: Delivery,
        stages: Sequence[DeliveredStage],
        images: Sequence[DeliveredStack],
        bootstrap: Mapping[tuple[str, str], BootstrapRoles],
    ) -> None:
        description = "Modelyard: delivery from a commit to the last stage"
        super().__init__(scope, id, delivery=delivery, region=delivery.region, description=description)
        self._delivery = delivery
        self._own = BootstrapRoles.of(self)
        bootstrap = {(delivery.account, delivery.region): self._own, **bootstrap}
        self._regions = list(dict.fromkeys([delivery.region, *(each.stage.region for each in stages)]))
        self._store = DeliveryStore(
            self,
            "Store",
            readers=readers_in(bootstrap, delivery.region),
            source=delivery.source is None,
            retain=not delivery.disposable,
        )
        # The CDK's command looks by the deploy role whether an account is bootstrapped, then publishes by the other.
        publishing = [role for roles in bootstrap.values() for role in (roles.publishing, roles.deploy)]
        builds = DeliveryBuilds(self, "Builds", store=self._store, publishing_roles=publishing)
        order = [each.stage.name for each in stages]
        planned = dict.fromkeys((each.stage.account, each.stage.region) for each in stages[1:])
        functions = DeliveryFunctions(
            self,
            "Functions",
            access={each.stage.name: (each.stage.account, purposes_of(each.stage.name, order)) for each in stages},
            deploy_roles=[bootstrap[place].deploy for place in planned],
        )
        notifications = DeliveryNotifications(
            self, "Notifications", key=self._store.key, emails=delivery.notification_emails
        )
        self._roles = DeliveryRoles(
            self,
            "Roles",
            store=self._store,
            source=delivery.source,
            functions=functions.arns,
            topic_arn=notifications.topic_arn,
            deploy_roles=[roles.deploy for roles in bootstrap.values()],
            regions=self._regions[1:],
        )
        self._actions = Actions(self._roles.actions, notifications.topic_arn)
        declared = [*self._before_stages(images), *self._stages(stages)]
        check(declared, len({stack.label for each in stages for stack in each.groups[-1]}))
        pipeline = self._add_pipeline(declared)
        pipeline.node.add_dependency(self._roles, functions, builds, notifications)
        if delivery.source is None:
            self._start_with_source()

    def _before_stages(self, images: Sequence[DeliveredStack]) -> list[Declaration]:
        actions, source = self._actions, self._delivery.source
        region, own = self._delivery.region, self._own
        itself = DeliveredStack("Delivery", self.stack_name, self.template_file, region, own.deploy, own.execution)
        builds = [actions.deploy(each, namespace=each.label) for each in images]
        return [
            stage_of("Source", [self._source_action(source)]),
            stage_of(
                "Test",
                [actions.build("Test", names.delivery_project("verify"), SOURCE, ASSEMBLY)],
                [actions.invoke("Verdict", "verdict", {"result": "#{Test.RESULT}"})],
            ),
            stage_of("Assets", [actions.build("Assets", names.delivery_project("assets"), ASSEMBLY)]),
            stage_of("Update", [actions.update(itself)]),
            *(stage_of("Images", *block) for block in deployment(builds)),
        ]

    def _source_action(self, source: Any) -> Declaration:
        if source is None:
            assert self._store.source is not None
            return self._actions.source(token(self._store.source, "bucket_name"))
        return self._actions.connected_source(source.connection_arn, source.repository, source.branch)

    def _stages(self, stages: Sequence[DeliveredStage]) -> list[Declaration]:
        actions = self._actions
        declared: list[Declaration] = []
        for index, delivered in enumerate(stages):
            stage = _place(delivered.stage)
            blocks: list[Block] = []
            if index:
                plan = f"Plan{delivered.stage.name.capitalize()}"
                images = _parameters(delivered)
                parameters = {
                    "stage": stage,
                    "stacks": names.stage_stacks(delivered.stage.name),
                    "review": names.delivery_change_set("review"),
                    **({"parameters": images} if images else {}),
                }
                # What was found of the versions in the stage before.
                found = "Train.EVALUATION" if index == 1 else f"{_tested(stages[index - 1].stage)}.TESTED"
                planned = actions.invoke("Plan", "plan", parameters, namespace=plan, inputs=ASSEMBLY)
                gate = actions.gate(f"#{{{found}}}\n#{{{plan}.SUMMARY}}", f"#{{{plan}.LINK}}")
                blocks.append([[planned], [gate]])
            for group in delivered.groups:
                blocks += deployment([actions.deploy(stack) for stack in group])
            if index:
                source = _place(stages[index - 1].stage)
                promote = actions.invoke("Promote", "promote", {"source": source, "target": stage})
                tested = _tested(delivered.stage)
                test = actions.invoke("SmokeTest", "smoke-test", {"stage": stage}, namespace=tested)
                blocks.append([[promote], [test]])
            else:
                blocks.append([[actions.invoke("Train", "train", {"stage": stage}, namespace="Train")]])
            declared += stages_of(delivered.stage.name, blocks)
        return declared

    def _add_pipeline(self, stages: Sequence[Declaration]) -> codepipeline.CfnPipeline:
        stores = {region: self._artifact_store(region) for region in self._regions}
        apart = [{"region": region, "artifactStore": store} for region, store in stores.items()]
        source = self._delivery.source
        return codepipeline.CfnPipeline(
            self,
            "Pipeline",
            name=names.delivery_pipeline(),
            pipeline_type="V2",
            execution_mode="SUPERSEDED",
            restart_execution_on_update=True,
            role_arn=token(self._roles.pipeline, "role_arn"),
            artifact_store=stores[self._delivery.region] if len(stores) == 1 else None,
            artifact_stores=apart if len(stores) > 1 else None,
            stages=list(stages),
            triggers=[_trigger(source.branch, source.paths)] if source else None,
        )

    def _artifact_store(self, region: str) -> dict[str, Any]:
        """The bucket of a region; that of another one is known by its names."""
        arns = Arns.of(self)
        own = region == self._delivery.region
        key = token(self._store.key, "key_arn") if own else key_alias_arn(arns.partition, region, arns.account)
        bucket = names.delivery_bucket("artifacts", self._delivery.account, region)
        location = token(self._store.artifacts, "bucket_name") if own else bucket
        return {"type": "S3", "location": location, "encryptionKey": {"type": "KMS", "id": key}}

    def _start_with_source(self) -> None:
        """Start the pipeline with each new zip file in the source bucket."""
        arn = Arns.of(self).arn("codepipeline", names.delivery_pipeline())
        role = iam.Role(self, "StartRole", assumed_by=service_principal("events.amazonaws.com"))
        permissions = Permissions()
        permissions.allow(["codepipeline:StartPipelineExecution"], arn)
        permissions.attach(role)
        assert self._store.source is not None
        events.CfnRule(
            self,
            "SourceChanged",
            description="Modelyard: a new source starts the delivery",
            event_pattern={
                "source": ["aws.s3"],
                "detail-type": ["Object Created"],
                "detail": {
                    "bucket": {"name": [token(self._store.source, "bucket_name")]},
                    "object": {"key": [SOURCE_KEY]},
                },
            },
            targets=[{"id": "Pipeline", "arn": arn, "roleArn": token(role, "role_arn")}],
        )


def readers_in(bootstrap: Mapping[tuple[str, str], BootstrapRoles], region: str) -> list[str]:
    """ARNs of the roles that deploy in a region, of whatever account."""
    return [roles.deploy for (_, place), roles in bootstrap.items() if place == region]


def _tested(stage: Stage) -> str:
    """The namespace of what the smoke test of a stage found."""
    return f"SmokeTest{stage.name.capitalize()}"


def _place(stage: Stage) -> dict[str, str]:
    return {"name": stage.name, "account": stage.account, "region": stage.region}


def _parameters(delivered: DeliveredStage) -> dict[str, str]:
    """The parameters of all stacks of a stage: one of the same name has the same value."""
    return {name: value for group in delivered.groups for stack in group for name, value in stack.parameters.items()}


def _trigger(branch: str, paths: Sequence[str]) -> dict[str, Any]:
    push = {"branches": {"includes": [branch]}, **({"filePaths": {"includes": list(paths)}} if paths else {})}
    return {
        "providerType": "CodeStarSourceConnection",
        "gitConfiguration": {"sourceActionName": "Source", "push": [push]},
    }
