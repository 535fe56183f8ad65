"""The stages and actions of the delivery pipeline, as CodePipeline takes them.

https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-pipeline-structure.html
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modelyard import names
from modelyard.settings import ConfigurationError, Stage

# https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html
MAX_STAGES = 50
MAX_ACTIONS = 1000
MAX_ACTIONS_IN_STAGE = 100
MAX_CONFIGURATION_LENGTH = 1000
# So many stacks are two actions each, and fit into one stage with what comes before and after them.
MAX_PARALLEL = 45

SOURCE, ASSEMBLY = "Source", "Assembly"
"""The artifacts: the repository, and the cloud assembly that is synthesised from it."""

Declaration = dict[str, Any]
# The longest URI of an image by digest, which takes the place of a variable when the pipeline runs.
_URI_LENGTH = 200


@dataclass(frozen=True)
class DeliveredStack:
    """A stack of the app, as the actions that deploy it need it.

    Attributes:
        label: its short name in a stage's actions.
        name: in CloudFormation.
        template: its file in the assembly.
        region: where it is deployed to.
        deploy_role: ARN of the role that makes and executes its change sets.
        execution_role: ARN of the role by which CloudFormation makes its resources.
        parameters: of its template, with variables of the pipeline as their values.
    """

    label: str
    name: str
    template: str
    region: str
    deploy_role: str
    execution_role: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DeliveredStage:
    """A stage with its stacks, in groups that are deployed one after the other; those of a group at once."""

    stage: Stage
    groups: Sequence[Sequence[DeliveredStack]]


@dataclass(frozen=True)
class ActionRoles:
    """ARNs of the roles of actions, by what the actions do; those of CloudFormation have the roles of their stacks."""

    source: str
    build: str
    invoke: str
    approve: str


@dataclass(frozen=True)
class Actions:
    """Makes the declarations of actions; their names, variables and artifacts are a contract with the functions."""

    roles: ActionRoles
    topic: str

    def source(self, bucket: str) -> Declaration:
        """Takes `source.zip` of a bucket; a rule starts the pipeline."""
        configuration = {"S3Bucket": bucket, "S3ObjectKey": SOURCE_KEY, "PollForSourceChanges": "false"}
        return self._source("AWS", "S3", configuration)

    def connected_source(self, connection: str, repository: str, branch: str) -> Declaration:
        """Takes a commit of a repository; a trigger of the pipeline starts it."""
        configuration = {
            "ConnectionArn": connection,
            "FullRepositoryId": repository,
            "BranchName": branch,
            "DetectChanges": "false",
        }
        return self._source("AWS", "CodeStarSourceConnection", configuration)

    def build(self, name: str, project: str, inputs: str, output: str = "") -> Declaration:
        """Runs a CodeBuild project."""
        kind = "Test" if output else "Build"
        action = _action(name, kind, "CodeBuild", {"ProjectName": project}, self.roles.build, namespace=name)
        action["inputArtifacts"] = [{"name": inputs}]
        return action | ({"outputArtifacts": [{"name": output}]} if output else {})

    def invoke(self, name: str, purpose: str, parameters: Any, *, namespace: str = "", inputs: str = "") -> Declaration:
        """Invokes a function of the pipeline."""
        configuration = {
            "FunctionName": names.delivery_function(purpose),
            "UserParameters": json.dumps(parameters, separators=(",", ":")),
        }
        action = _action(name, "Invoke", "Lambda", configuration, self.roles.invoke, namespace=namespace)
        return action | ({"inputArtifacts": [{"name": inputs}]} if inputs else {})

    def gate(self, shown: str, link: str) -> Declaration:
        """Awaits a person."""
        configuration = {"CustomData": shown, "ExternalEntityLink": link, "NotificationArn": self.topic}
        return _action("Gate", "Approval", "Manual", configuration, self.roles.approve)

    @staticmethod
    def update(stack: DeliveredStack) -> Declaration:
        """Creates or updates a stack in one action."""
        configuration = _cloudformation(stack, "CREATE_UPDATE") | {"TemplatePath": f"{ASSEMBLY}::{stack.template}"}
        return _deploy_action(stack.label, stack, configuration)

    @staticmethod
    def deploy(stack: DeliveredStack, *, namespace: str = "") -> tuple[Declaration, Declaration]:
        """Makes a stack's change set, and executes it; the stack's outputs are the variables of `namespace`."""
        change_set = {"ChangeSetName": names.delivery_change_set("deploy")}
        prepare = _cloudformation(stack, "CHANGE_SET_REPLACE") | change_set
        prepare["TemplatePath"] = f"{ASSEMBLY}::{stack.template}"
        if stack.parameters:
            prepare["ParameterOverrides"] = json.dumps(dict(stack.parameters), separators=(",", ":"))
        execute = {"ActionMode": "CHANGE_SET_EXECUTE", "StackName": stack.name, **change_set}
        first = _deploy_action(f"{stack.label}.Prepare", stack, prepare)
        second = _deploy_action(f"{stack.label}.Deploy", stack, execute, inputs=False)
        return first, second | ({"namespace": namespace} if namespace else {})

    def _source(self, owner: str, provider: str, configuration: Mapping[str, str]) -> Declaration:
        action = _action("Source", "Source", provider, configuration, self.roles.source, namespace=SOURCE)
        return action | {"outputArtifacts": [{"name": SOURCE}]}


SOURCE_KEY = "source.zip"
"""The object of the source bucket that holds the repository."""


Block = Sequence[Sequence[Declaration]]
"""Groups of actions that run one after the other, those of a group at once, in one stage of the pipeline."""


def deployment(pairs: Sequence[tuple[Declaration, Declaration]]) -> Iterator[Block]:
    """What deploys stacks at once, as far as a stage has room for: their change sets are made, and then executed.

    A stage of the pipeline holds one execution at a time. As each change set is executed in the stage that it is made
    in, no execution comes to execute the change set of another one.
    """
    for start in range(0, len(pairs), MAX_PARALLEL):
        part = pairs[start : start + MAX_PARALLEL]
        yield [prepare for prepare, _ in part], [execute for _, execute in part]


def stages_of(name: str, blocks: Iterable[Block]) -> list[Declaration]:
    """A stage with blocks that run one after the other; several stages where one would hold too many actions.

    `name` is that of a delivered stage.
    """
    parts: list[list[Sequence[Declaration]]] = [[]]
    for block in blocks:
        if sum(map(len, [*parts[-1], *block])) > MAX_ACTIONS_IN_STAGE:
            parts.append([])
        parts[-1] += block
    return [stage_of(names.delivery_stage(name, number), *part) for number, part in enumerate(parts, 1)]


def stage_of(name: str, *groups: Sequence[Declaration]) -> Declaration:
    """A stage with groups of actions that run one after the other."""
    actions = [{**action, "runOrder": order} for order, group in enumerate(groups, 1) for action in group]
    return {"name": name, "actions": actions}


def check(stages: Sequence[Declaration], projects: int) -> None:
    """Raise ConfigurationError where the pipeline is larger than CodePipeline takes."""
    actions = [action for stage in stages for action in stage["actions"]]
    widest = max(len(stage["actions"]) for stage in stages)
    for what, count, most in (
        ("stages", len(stages), MAX_STAGES),
        ("actions", len(actions), MAX_ACTIONS),
        ("actions in one of its stages", widest, MAX_ACTIONS_IN_STAGE),
    ):
        if count > most:
            raise ConfigurationError(
                f"delivery.stages: the pipeline would have {count} {what} for {projects} projects; CodePipeline allows "
                f"{most}: deliver to fewer stages"
            )
    for stage in stages:
        for action in stage["actions"]:
            for key, value in action["configuration"].items():
                length = len(re.sub(r"#\{Images[^}]*\}", "u" * _URI_LENGTH, value))
                if length > MAX_CONFIGURATION_LENGTH:
                    raise ConfigurationError(
                        f"delivery: {key} of {action['name']} in {stage['name']} would have {length} characters; "
                        f"CodePipeline allows {MAX_CONFIGURATION_LENGTH}: let the projects run fewer images"
                    )


def _action(
    name: str, category: str, provider: str, configuration: Mapping[str, str], role: str, *, namespace: str = ""
) -> Declaration:
    action: Declaration = {
        "name": name,
        "actionTypeId": {"category": category, "owner": "AWS", "provider": provider, "version": "1"},
        "configuration": dict(configuration),
        "roleArn": role,
    }
    return action | ({"namespace": namespace} if namespace else {})


def _deploy_action(
    name: str, stack: DeliveredStack, configuration: Mapping[str, str], *, inputs: bool = True
) -> Declaration:
    action = _action(name, "Deploy", "CloudFormation", configuration, stack.deploy_role)
    return action | {"region": stack.region} | ({"inputArtifacts": [{"name": ASSEMBLY}]} if inputs else {})


def _cloudformation(stack: DeliveredStack, mode: str) -> dict[str, str]:
    return {
        "ActionMode": mode,
        "StackName": stack.name,
        "RoleArn": stack.execution_role,
        "Capabilities": "CAPABILITY_NAMED_IAM",
    }
