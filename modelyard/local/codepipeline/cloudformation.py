"""AWS::CodePipeline::Pipeline, see
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-codepipeline-pipeline.html.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from modelyard.local.codepipeline.api import API, arn_of, find_pipeline
from modelyard.local.sagemaker.cloudformation.coercion import coerced
from modelyard.local.sagemaker.cloudformation.provisioner import ProvisioningError
from modelyard.local.sagemaker.context import Context, SageMaker
from modelyard.local.sagemaker.protocol import call
from modelyard.shapes import operation_input

__all__ = ["start"]

Properties = dict[str, Any]
Provisioned = tuple[str, dict[str, Any]]

_NAME_LENGTH = 100
_DECLARED = frozenset(
    {
        "ArtifactStore",
        "ArtifactStores",
        "ExecutionMode",
        "Name",
        "PipelineType",
        "RoleArn",
        "Stages",
        "Triggers",
        "Variables",
    }
)
_OWN = frozenset({"DisableInboundStageTransitions", "RestartExecutionOnUpdate", "Tags"})


def start(service: SageMaker) -> None:
    """Let CloudFormation provision the type."""
    pipeline = _Pipeline(service)
    service.emulator.register_resource_type(
        "AWS::CodePipeline::Pipeline",
        create=pipeline.create,
        update=pipeline.update,
        delete=pipeline.delete,
        tags_property="Tags",
    )


class _Pipeline:
    def __init__(self, service: SageMaker) -> None:
        self._service = service

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Provisioned:
        context = self._context()
        suffix = secrets.token_hex(6).upper()
        name = properties.get("Name") or f"{stack_name}-{logical_id}"[: _NAME_LENGTH - 13] + f"-{suffix}"
        tags = [{"key": key, "value": value} for key, value in _tags(properties).items()]
        request = {"pipeline": _declaration({**properties, "Name": name}), **({"tags": tags} if tags else {})}
        with self._service.lock:
            answer = call(context, "CreatePipeline", request, API)
            _set_transitions(context, name, {}, _disabled(properties))
        return name, {"Version": str(answer["pipeline"]["version"])}

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Provisioned:
        if new.get("Name", physical_id) != physical_id:
            return self.create("", new, stack_name)
        context = self._context()
        before, after = (_declaration({**properties, "Name": physical_id}) for properties in (old, new))
        # From the change to the new execution nothing may enter a stage.
        with self._service.lock:
            if before != after:
                call(context, "UpdatePipeline", {"pipeline": after}, API)
            pipeline = find_pipeline(context, physical_id)
            _set_transitions(context, physical_id, _disabled(old), _disabled(new))
            _retag(context, arn_of(context, physical_id), _tags(old), _tags(new))
            if before != after and _is_true(new.get("RestartExecutionOnUpdate")):
                context.component("codepipeline").restart(context, pipeline)
            return physical_id, {"Version": str(pipeline["_declaration"]["version"])}

    def delete(self, physical_id: str, properties: Properties) -> None:
        call(self._context(), "DeletePipeline", {"name": physical_id}, API)

    def _context(self) -> Context:
        return self._service.context(*self._service.emulator.account_and_region())


def _declaration(properties: Properties) -> dict[str, Any]:
    """The pipeline as the API has it."""
    for name in properties:
        if name not in _DECLARED | _OWN:
            raise ProvisioningError(f"The property {name} is not supported by the local AWS.")
    given = {name: value for name, value in properties.items() if name in _DECLARED}
    stores = given.pop("ArtifactStores", None)
    pipeline = _as_the_api_has_it(given)
    if stores is not None:
        pipeline["artifactStores"] = {item["Region"]: _as_the_api_has_it(item["ArtifactStore"]) for item in stores}
    shape = operation_input(API.service, "CreatePipeline").members["pipeline"]
    return dict(coerced(shape, pipeline))


def _as_the_api_has_it(value: Any) -> Any:
    """Names of properties begin with a small letter in the API, but for the keys of a configuration."""
    if isinstance(value, list):
        return [_as_the_api_has_it(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name[:1].lower() + name[1:]: _configuration(item) if name == "Configuration" else _as_the_api_has_it(item)
        for name, item in value.items()
    }


def _configuration(value: Any) -> dict[str, str]:
    """A configuration as CodePipeline keeps it: every value a string."""
    return {name: item if isinstance(item, str) else json.dumps(item) for name, item in (value or {}).items()}


def _disabled(properties: Properties) -> dict[str, str]:
    return {item["StageName"]: item["Reason"] for item in properties.get("DisableInboundStageTransitions") or []}


def _set_transitions(context: Context, name: str, old: dict[str, str], new: dict[str, str]) -> None:
    named = {"pipelineName": name, "transitionType": "Inbound"}
    for stage, reason in new.items():
        call(context, "DisableStageTransition", {**named, "stageName": stage, "reason": reason}, API)
    for stage in old:
        if stage not in new:
            call(context, "EnableStageTransition", {**named, "stageName": stage}, API)


def _retag(context: Context, arn: str, old: dict[str, str], new: dict[str, str]) -> None:
    gone = [key for key in old if key not in new]
    if gone:
        call(context, "UntagResource", {"resourceArn": arn, "tagKeys": gone}, API)
    if new:
        tags = [{"key": key, "value": value} for key, value in new.items()]
        call(context, "TagResource", {"resourceArn": arn, "tags": tags}, API)


def _tags(properties: Properties) -> dict[str, str]:
    return {tag["Key"]: str(tag["Value"]) for tag in properties.get("Tags") or []}


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"
