"""plan: says what the deployment to a stage would change, by change sets that nobody executes.

Each stack of the stage that is there already gets a change set for review, made of the template that the assembly has
published; those of earlier plans are deleted. The role of `cdk bootstrap` makes them, narrowed to just that.
"""

from __future__ import annotations

import io
import json
import os
import time
import urllib.parse
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import changes
from .access import StageAccess
from .assembly import Stack, stacks_of
from .job import MAX_SHOWN, Job, JobFailed, Result, Waiting, perform

__all__ = ["handle"]

PATIENCE = 120.0  # seconds; what takes longer is awaited by another call
LOOK_EVERY = 1.0  # seconds
# Of the 2,000 characters that CodePipeline keeps.
_MOST_KEPT = 300
# What a first deployment that failed leaves: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
_NOT_CREATED = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
_CAPABILITIES = ["CAPABILITY_NAMED_IAM"]
_CONSOLES = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}


def handle(event: dict[str, Any], context: Any) -> None:
    """Lambda's entry.

    The job's input is the artifact `Assembly`. Its parameters are `stage`; `stacks`, the beginning of its stacks'
    names; `review`, that of the change sets'; and `parameters`, values of parameters of templates. Its variables are
    SUMMARY and LINK, a page of the console.
    """
    perform(event, plan)


def plan(job: Job) -> Result:
    """The result of the job.

    Raises:
        JobFailed: the assembly has no stack of the stage.
        Waiting: change sets are still being made.
    """
    stage = job.parameters["stage"]
    with zipfile.ZipFile(io.BytesIO(job.read_input("Assembly"))) as archive:
        stacks = stacks_of(archive, job.parameters["stacks"])
    if not stacks:
        raise JobFailed(f"the assembly has no stack whose name begins with {job.parameters['stacks']}")
    review = _Review(
        stage=stage,
        name=f"{job.parameters['review']}-{job.state.get('review', job.id)}",
        prefix=job.parameters["review"],
        parameters=job.parameters.get("parameters", {}),
    )
    # The change set of a stack that stays as it is was deleted, and is not made again.
    unchanged = {stacks[place] for place in job.state.get("unchanged", ())}
    planned = {stack: changes.Changes() if stack in unchanged else review.begin(stack) for stack in stacks}
    deadline = time.monotonic() + PATIENCE
    while left := [stack for stack, found in planned.items() if found is None]:
        if time.monotonic() > deadline:
            kept = [place for place, stack in enumerate(stacks) if planned[stack] == changes.Changes()]
            raise Waiting(
                f"{len(left)} change sets are being made",
                review=job.state.get("review", job.id),
                unchanged=kept[:_MOST_KEPT],
            )
        time.sleep(LOOK_EVERY)
        planned.update({stack: review.look(stack) for stack in left})
    prefix = job.parameters["stacks"]
    found = [(stack.name.removeprefix(prefix), change) for stack, change in planned.items() if change is not None]
    summary = changes.summary(found, MAX_SHOWN)
    return Result(summary, {"SUMMARY": summary, "LINK": _link(stage, prefix, [change for _, change in found])})


def _link(stage: Mapping[str, str], prefix: str, found: list[changes.Changes]) -> str:
    """The page of the change set that a reviewer should see first, else that of the stage's stacks."""
    region = stage["region"]
    domain = _CONSOLES.get(os.environ.get("PARTITION", "aws"), "console.aws.amazon.com")
    home = f"https://{region}.{domain}/cloudformation/home?region={region}#/stacks"
    gravest = max(found, key=lambda change: change.weight)
    if not gravest.change_set:
        return f"{home}?filteringText={prefix}"
    stack, change_set = (urllib.parse.quote(arn, safe="") for arn in (gravest.stack, gravest.change_set))
    return f"{home}/changesets/changes?stackId={stack}&changeSetId={change_set}"


@dataclass
class _Review:
    """The change sets of one plan."""

    stage: Mapping[str, str]
    name: str
    prefix: str
    parameters: Mapping[str, str]

    def __post_init__(self) -> None:
        self._access: dict[str, StageAccess] = {}
        self._described: dict[str, dict[str, Any] | None] = {}

    def begin(self, stack: Stack) -> changes.Changes | None:
        """What is known of a stack at once; None where its change set has to be awaited."""
        existing = self._describe(stack, stack.name)
        if existing is None:
            return changes.Changes(note=f"new, {stack.resources} resources", weight=1)
        if existing["StackStatus"] in _NOT_CREATED:
            return changes.Changes(
                note="its creation failed: delete it first (docs/runbook.md)", weight=changes.BLOCKED
            )
        missing = {other for other, output in stack.needs if output not in self._outputs(stack, other)}
        if missing:
            note = f"cannot be planned yet, needs new outputs of {', '.join(sorted(missing))}"
            return changes.Changes(note=note, weight=1)
        self._begin(stack, existing)
        return self.look(stack)

    def look(self, stack: Stack) -> changes.Changes | None:
        """What a stack's change set says; None while it is being made."""
        cloudformation = self._client(stack, "cloudformation")
        pages = cloudformation.get_paginator("describe_change_set")
        found = list(pages.paginate(StackName=stack.name, ChangeSetName=self.name))
        status, reason = found[0]["Status"], found[0].get("StatusReason", "")
        if status in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
            return None
        if status == "FAILED":
            cloudformation.delete_change_set(StackName=stack.name, ChangeSetName=self.name)
            if "contain changes" in reason or "No updates are to be performed" in reason:
                return changes.Changes()
            return changes.Changes(note=f"cannot be planned: {reason}", weight=2)
        resources = [change["ResourceChange"] for page in found for change in page["Changes"]]
        return changes.Changes.of(resources, found[0]["StackId"], found[0]["ChangeSetId"])

    def _begin(self, stack: Stack, existing: Mapping[str, Any]) -> None:
        """Make the change set where it is not there yet; delete those of earlier plans."""
        cloudformation = self._client(stack, "cloudformation")
        lists = cloudformation.get_paginator("list_change_sets").paginate(StackName=stack.name)
        known = [item["ChangeSetName"] for page in lists for item in page["Summaries"]]
        for name in known:
            if name.startswith(f"{self.prefix}-") and name != self.name:
                cloudformation.delete_change_set(StackName=stack.name, ChangeSetName=name)
        if self.name in known:
            return
        bucket, _, key = stack.template_object.partition("/")
        cloudformation.create_change_set(
            StackName=stack.name,
            ChangeSetName=self.name,
            ChangeSetType="UPDATE",
            Description="what the delivery would change; not to be executed",
            TemplateURL=f"{self._client(stack, 's3').meta.endpoint_url}/{bucket}/{key}",
            Parameters=self._values(stack, existing),
            Capabilities=_CAPABILITIES,
            **({"RoleARN": stack.execution_role} if stack.execution_role else {}),
        )

    def _values(self, stack: Stack, existing: Mapping[str, Any]) -> list[dict[str, Any]]:
        """As the deployment gives them: what is not given keeps its value, or has its default."""
        known = {item["ParameterKey"] for item in existing.get("Parameters", ())}
        given = [name for name in stack.parameters if name in self.parameters]
        kept = [name for name, default in stack.parameters.items() if not default and name in known - set(given)]
        return [
            *({"ParameterKey": name, "ParameterValue": self.parameters[name]} for name in given),
            *({"ParameterKey": name, "UsePreviousValue": True} for name in kept),
        ]

    def _outputs(self, stack: Stack, other: str) -> set[str]:
        described = self._describe(stack, other) or {}
        return {item["OutputKey"] for item in described.get("Outputs", ())}

    def _describe(self, stack: Stack, name: str) -> dict[str, Any] | None:
        """A stack as it is deployed, None where it is not."""
        if name not in self._described:
            cloudformation = self._client(stack, "cloudformation")
            try:
                (described,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
            except cloudformation.exceptions.ClientError as error:
                if "does not exist" not in str(error):
                    raise
                described = None
            if described and described["StackStatus"] == "REVIEW_IN_PROGRESS":
                described = None
            self._described[name] = described
        return self._described[name]

    def _client(self, stack: Stack, service: str) -> Any:
        if stack.deploy_role not in self._access:
            role = stack.deploy_role.rpartition("/")[2]
            self._access[stack.deploy_role] = StageAccess.by_role(self.stage, role, policy=self._policy(stack))
        return self._access[stack.deploy_role].client(service)

    def _policy(self, stack: Stack) -> str:
        """What is left of the role: nothing that executes, and no change set but those for review."""
        own = {"StringLike": {"cloudformation:ChangeSetName": f"{self.prefix}-*"}}
        statements: list[dict[str, Any]] = [
            {"Action": ["cloudformation:CreateChangeSet", "cloudformation:DeleteChangeSet"], "Condition": own},
            {
                "Action": [
                    *("cloudformation:DescribeChangeSet", "cloudformation:DescribeStacks"),
                    *("cloudformation:ListChangeSets", "s3:GetObject", "kms:Decrypt", "ssm:GetParameters"),
                ]
            },
        ]
        if stack.execution_role:
            statements.append({"Action": "iam:PassRole", "Resource": stack.execution_role})
        statements = [{"Effect": "Allow", "Resource": "*", **statement} for statement in statements]
        return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
