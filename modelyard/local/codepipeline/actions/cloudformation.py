"""Deploy actions of CloudFormation, see
https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CloudFormation.html.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from modelyard.local.codepipeline.action import Action, ActionFailed, ActionType, Configuration, Outcome
from modelyard.local.codepipeline.roles import RoleRefused, require_service_role
from modelyard.local.codepipeline.variables import has_variables

__all__ = ["CLOUDFORMATION"]

_CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")
# What a stack is after its creation failed: it can only be deleted.
_FAILED = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED")
_ABSENT = (None, "DELETE_COMPLETE")
_BEGINNINGS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
# A larger template is handed over in S3.
_MOST_BODY_BYTES = 51_200
_FUNCTIONS = ("Fn::GetArtifactAtt", "Fn::GetParam")


def run(action: Action) -> Outcome:
    problem = next(check(action.configuration, [item["name"] for item in action.inputs]), None)
    if problem is not None:
        raise ActionFailed("InvalidConfiguration", problem)
    _require_stack_role(action)
    return _Deployment(action).run()


class _Deployment:
    def __init__(self, action: Action) -> None:
        self._action = action
        self._cloudformation = action.client("cloudformation")
        self._stack = action.configuration["StackName"]

    def run(self) -> Outcome:
        modes: dict[str, Callable[[], Outcome]] = {
            "CREATE_UPDATE": self._create_or_update,
            "REPLACE_ON_FAILURE": self._replace_failed,
            "CHANGE_SET_REPLACE": self._replace_change_set,
            "CHANGE_SET_EXECUTE": self._execute_change_set,
            "DELETE_ONLY": self._delete,
        }
        try:
            return modes[self._action.configuration["ActionMode"]]()
        except ClientError as error:
            raise ActionFailed("JobFailed", str(error)) from None

    def _create_or_update(self) -> Outcome:
        status = self._settled()
        if status in _ABSENT:
            self._cloudformation.create_stack(StackName=self._stack, **self._template(), **self._role())
            return self._ended("CREATE_COMPLETE", "created")
        try:
            self._cloudformation.update_stack(StackName=self._stack, **self._template(), **self._role())
        except ClientError as error:
            if not _says_no_changes(str(error)):
                raise
            return self._done(f"Stack {self._stack} has no updates to be performed")
        return self._ended("UPDATE_COMPLETE", "updated")

    def _replace_failed(self) -> Outcome:
        if self._settled() in _FAILED:
            self._delete()
        return self._create_or_update()

    def _delete(self) -> Outcome:
        if self._settled() not in _ABSENT:
            # The name finds a deleted stack no longer, its id does.
            id = self._described()["StackId"]
            self._cloudformation.delete_stack(StackName=self._stack, **self._role())
            if self._settled(id) not in _ABSENT:
                raise ActionFailed("JobFailed", f"Stack {self._stack} was not deleted: {self._reason(id)}")
        self._action.report(externalExecutionSummary=f"Stack {self._stack} was deleted")
        return Outcome()

    def _replace_change_set(self) -> Outcome:
        status, name = self._settled(), self._action.configuration["ChangeSetName"]
        create = status in (*_ABSENT, "REVIEW_IN_PROGRESS")
        if status not in _ABSENT:
            self._cloudformation.delete_change_set(StackName=self._stack, ChangeSetName=name)
        self._cloudformation.create_change_set(
            StackName=self._stack,
            ChangeSetName=name,
            ChangeSetType="CREATE" if create else "UPDATE",
            **self._template(),
            **self._role(),
        )
        change_set = self._change_set("CREATE_PENDING", "CREATE_IN_PROGRESS")
        self._report_stack(change_set["StackId"])
        if change_set["Status"] == "FAILED":
            if not _says_no_changes(change_set.get("StatusReason", "")):
                raise ActionFailed("JobFailed", f"Change set {name} failed: {change_set.get('StatusReason')}")
            return Outcome(summary=f"Change set {name} has no changes")
        return Outcome(summary=f"Change set {name} was created")

    def _execute_change_set(self) -> Outcome:
        name = self._action.configuration["ChangeSetName"]
        self._settled()
        change_set = self._change_set("CREATE_PENDING", "CREATE_IN_PROGRESS")
        if change_set["Status"] == "FAILED" and _says_no_changes(change_set.get("StatusReason", "")):
            return self._done(f"Change set {name} has no changes")
        before = self._described()["StackStatus"]
        self._cloudformation.execute_change_set(StackName=self._stack, ChangeSetName=name)
        created = before == "REVIEW_IN_PROGRESS"
        return self._ended("CREATE_COMPLETE" if created else "UPDATE_COMPLETE", "created" if created else "updated")

    def _change_set(self, *passing: str) -> dict[str, Any]:
        while True:
            found: dict[str, Any] = self._cloudformation.describe_change_set(
                StackName=self._stack, ChangeSetName=self._action.configuration["ChangeSetName"]
            )
            if found["Status"] not in passing:
                return found
            self._action.pause()

    def _ended(self, wanted: str, what: str) -> Outcome:
        id = self._described()["StackId"]
        self._report_stack(id)
        status = self._settled(id)
        if status != wanted:
            raise ActionFailed("JobFailed", f"Stack {self._stack} ended as {status}: {self._reason(id)}")
        return self._done(f"Stack {self._stack} was {what}")

    def _done(self, summary: str) -> Outcome:
        stack = self._described()
        self._report_stack(stack["StackId"])
        outputs = {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", ())}
        return Outcome(variables=outputs, summary=summary)

    def _described(self, name: str | None = None) -> dict[str, Any]:
        (stack,) = self._cloudformation.describe_stacks(StackName=name or self._stack)["Stacks"]
        return dict(stack)

    def _settled(self, name: str | None = None) -> str | None:
        """The status of the stack once nothing is in progress; None where there is no stack."""
        while True:
            try:
                status = str(self._described(name)["StackStatus"])
            except ClientError as error:
                if "does not exist" in str(error):
                    return None
                raise
            if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
                return status
            self._action.pause()

    def _reason(self, stack_id: str) -> str:
        """What failed first in the stack's last operation."""
        reasons: list[str] = []
        pages = self._cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        for event in (event for page in pages for event in page["StackEvents"]):
            status, reason = event["ResourceStatus"], event.get("ResourceStatusReason", "")
            if "FAILED" in status and reason and "cancelled" not in reason:
                reasons.append(f"{event['LogicalResourceId']}: {reason}")
            # The newest event comes first, so this is the operation's beginning.
            if event.get("PhysicalResourceId") == stack_id and status in _BEGINNINGS:
                break
        return reasons[-1] if reasons else "its events say no more"

    def _report_stack(self, stack_id: str) -> None:
        region = self._action.region
        console = f"https://console.aws.amazon.com/cloudformation/home?region={region}#/stacks/stackinfo"
        self._action.report(externalExecutionId=stack_id, externalExecutionUrl=f"{console}?stackId={stack_id}")

    def _role(self) -> dict[str, str]:
        role = self._action.configuration.get("RoleArn")
        return {"RoleARN": role} if role else {}

    def _template(self) -> dict[str, Any]:
        """The template, parameters, tags and capabilities as CloudFormation's operations take them."""
        configuration = self._action.configuration
        artifact, _, file = configuration["TemplatePath"].partition("::")
        content = self._action.read(artifact, file)
        settings = self._template_settings()
        parameters = {**settings.get("Parameters", {}), **json.loads(configuration.get("ParameterOverrides") or "{}")}
        capabilities = [name for name in configuration.get("Capabilities", "").split(",") if name]
        request: dict[str, Any] = {
            "Parameters": [{"ParameterKey": key, "ParameterValue": _text(value)} for key, value in parameters.items()],
            "Capabilities": capabilities,
        }
        if settings.get("Tags"):
            request["Tags"] = [{"Key": key, "Value": _text(value)} for key, value in settings["Tags"].items()]
        if len(content) <= _MOST_BODY_BYTES:
            return {**request, "TemplateBody": content.decode()}
        return {**request, "TemplateURL": self._handed_over(content)}

    def _handed_over(self, content: bytes) -> str:
        action = self._action
        bucket = action.store["location"]
        key = f"{action.execution['pipelineName'][:20]}/templates/{action.record['actionExecutionId']}"
        s3 = action.client("s3", role=action.pipeline_role)
        s3.put_object(Bucket=bucket, Key=key, Body=content, **action.encryption())
        return f"{action.context.service.emulator.endpoint_url}/{bucket}/{key}"

    def _template_settings(self) -> dict[str, Any]:
        place = self._action.configuration.get("TemplateConfiguration")
        if not place:
            return {}
        artifact, _, file = place.partition("::")
        try:
            settings = json.loads(self._action.read(artifact, file))
        except ValueError as error:
            raise ActionFailed("JobFailed", f"TemplateConfiguration {place} is no JSON: {error}") from None
        unknown = sorted(set(settings) - {"Parameters", "Tags"})
        if unknown:
            raise ActionFailed(
                "JobFailed",
                f"TemplateConfiguration {place}: {unknown[0]} is not supported by the local AWS; "
                "supported: Parameters, Tags",
            )
        return dict(settings)


def _require_stack_role(action: Action) -> None:
    role = action.configuration.get("RoleArn")
    if not role:
        return
    try:
        require_service_role(action.context, role, "cloudformation.amazonaws.com")
    except RoleRefused as error:
        raise ActionFailed("PermissionError", f"RoleArn: {error}") from None


def _says_no_changes(text: str) -> bool:
    return any(words in text for words in _NO_CHANGES)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def check(configuration: Configuration, inputs: list[str]) -> Iterator[str]:
    mode = configuration["ActionMode"]
    needed = {
        "ChangeSetName": mode.startswith("CHANGE_SET"),
        "TemplatePath": mode in ("CREATE_UPDATE", "REPLACE_ON_FAILURE", "CHANGE_SET_REPLACE"),
        "RoleArn": mode != "CHANGE_SET_EXECUTE",
    }
    for name, is_needed in needed.items():
        if is_needed and not configuration.get(name):
            yield f"{name}: required with ActionMode {mode}"
    for name in ("TemplatePath", "TemplateConfiguration"):
        place = configuration.get(name)
        if place and not has_variables(place) and not _is_in(place, inputs):
            known = ", ".join(inputs) or "none"
            yield f"{name}: '{place}' names no file of an input artifact; write ARTIFACT::FILE; artifacts: {known}"
    for capability in filter(None, configuration.get("Capabilities", "").split(",")):
        if capability not in _CAPABILITIES and not has_variables(capability):
            yield f"Capabilities: '{capability}' is unknown; write some of {','.join(_CAPABILITIES)}"
    text = configuration.get("ParameterOverrides")
    if text:
        yield from (f"ParameterOverrides: {problem}" for problem in _override_problems(text))


def _is_in(place: str, inputs: list[str]) -> bool:
    artifact, separator, file = place.partition("::")
    return bool(separator and file) and artifact in inputs


def _override_problems(text: str) -> Iterator[str]:
    for function in _FUNCTIONS:
        if function in text:
            yield f"{function} is not supported by the local AWS; write the value, or a variable of an action"
            return
    try:
        values = json.loads(text)
    except ValueError as error:
        if not has_variables(text):
            yield f"it is no JSON: {error}"
        return
    if not isinstance(values, dict):
        yield "write a JSON object of parameters and their values"


CLOUDFORMATION = ActionType(
    categories=("Deploy",),
    provider="CloudFormation",
    keys={
        "ActionMode": (
            "CREATE_UPDATE",
            "REPLACE_ON_FAILURE",
            "CHANGE_SET_REPLACE",
            "CHANGE_SET_EXECUTE",
            "DELETE_ONLY",
        ),
        "StackName": (),
        "ChangeSetName": (),
        "TemplatePath": (),
        "TemplateConfiguration": (),
        "Capabilities": (),
        "ParameterOverrides": (),
        "RoleArn": (),
    },
    required=("ActionMode", "StackName"),
    inputs=(0, 10),
    outputs=(0, 0),
    run=run,
    check=check,
    in_any_region=True,
    refused={"OutputFileName": "leave it out: the stack's outputs are the action's output variables"},
)
