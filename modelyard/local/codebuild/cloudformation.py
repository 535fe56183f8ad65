"""AWS::CodeBuild::Project, see
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-codebuild-project.html.
"""

from __future__ import annotations

import secrets
from typing import Any

from modelyard.local.codebuild.api import API
from modelyard.local.sagemaker.cloudformation.coercion import coerced
from modelyard.local.sagemaker.context import Context, SageMaker
from modelyard.local.sagemaker.protocol import call
from modelyard.shapes import operation_input

__all__ = ["start"]

Properties = dict[str, Any]
Provisioned = tuple[str, dict[str, Any]]

_NAME_LENGTH = 150


def start(service: SageMaker) -> None:
    """Let CloudFormation provision the type."""
    project = _Project(service)
    service.emulator.register_resource_type(
        "AWS::CodeBuild::Project",
        create=project.create,
        update=project.update,
        delete=project.delete,
        tags_property="Tags",
    )


class _Project:
    def __init__(self, service: SageMaker) -> None:
        self._service = service

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Provisioned:
        generated = f"{logical_id[: _NAME_LENGTH - 13]}-{secrets.token_hex(6)}"
        return self._call("CreateProject", {"Name": generated, **properties})

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Provisioned:
        if new.get("Name", physical_id) != physical_id:
            return self.create("", new, stack_name)
        # What is no longer in the template goes back to its default.
        dropped = {name: _DEFAULTS[name] for name in old if name not in new and name in _DEFAULTS}
        return self._call("UpdateProject", {**dropped, **new, "Name": physical_id})

    def delete(self, physical_id: str, properties: Properties) -> None:
        call(self._context(), "DeleteProject", {"name": physical_id}, API)

    def _call(self, operation: str, properties: Properties) -> Provisioned:
        request = coerced(operation_input(API.service, operation), _as_the_api_has_it(properties))
        project = call(self._context(), operation, request, API)["project"]
        return project["name"], {"Arn": project["arn"]}

    def _context(self) -> Context:
        return self._service.context(*self._service.emulator.account_and_region())


_DEFAULTS: Properties = {
    "Description": "",
    "LogsConfig": {},
    "Cache": {"Type": "NO_CACHE"},
    "SecondarySources": [],
    "SecondaryArtifacts": [],
    "TimeoutInMinutes": 60,
    "QueuedTimeoutInMinutes": 480,
    "Tags": [],
}


def _as_the_api_has_it(value: Any) -> Any:
    """Names of properties begin with a small letter in the API, which writes ``buildspec``."""
    if isinstance(value, list):
        return [_as_the_api_has_it(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        "buildspec" if name == "BuildSpec" else name[:1].lower() + name[1:]: _as_the_api_has_it(item)
        for name, item in value.items()
    }
