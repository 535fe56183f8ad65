"""Stacks of an app that knows nothing of Modelyard: a bare App, without feature flags."""

from __future__ import annotations

import gc
import json
import re
from pathlib import Path
from typing import Any

from aws_cdk import App, Environment, Stack

import tests.synthesis
from modelyard import Capacity, ModelEndpoint, ModelRegistry, Network, TrainingPipeline

__all__ = ["ENV", "NETWORK", "PIPELINE", "Template", "add_endpoint", "add_pipeline", "bare_stack", "ten_lines"]

ENV = Environment(account="111122223333", region="eu-west-1")
NETWORK = Network(subnet_ids=("subnet-0a1b2c3d",), security_group_ids=("sg-0a1b2c3d",))
PIPELINE = tests.synthesis.ROOT / "modelyard" / "pipeline_defs" / "abalone"


class Template:
    """The template of a stack, which is synthesised with its app."""

    def __init__(self, stack: Stack) -> None:
        app = stack.node.root
        assert isinstance(app, App)
        path = Path(app.synth().directory) / f"{stack.stack_name}.template.json"
        self.resources: dict[str, dict[str, Any]] = json.loads(path.read_text()).get("Resources", {})

    def of(self, type: str) -> list[dict[str, Any]]:
        """The properties of each resource of a type."""
        return [resource.get("Properties", {}) for resource in self.resources.values() if resource["Type"] == type]

    def types(self) -> set[str]:
        return {resource["Type"] for resource in self.resources.values()}

    def policies(self, beginning: str) -> str:
        """The documents of the policies whose logical ids begin so; tokens of the CloudFormation kind left out."""
        found = [
            document
            for id, resource in self.resources.items()
            if id.startswith(beginning)
            for document in tests.synthesis.policy_documents(resource)
        ]
        return json.dumps(found).replace('{"Ref": "AWS::Partition"}', '"aws"').replace('", "aws", "', "aws")

    def allowed(self, beginning: str) -> set[tuple[str, str]]:
        """Each action with each resource of the policies whose logical ids begin so; a resource of the stack as `<Id`.

        The ids lose their hashes.
        """
        policies = json.loads(self.policies(beginning))
        statements = [statement for policy in policies for statement in policy["Statement"]]
        assert all(statement["Effect"] == "Allow" for statement in statements)
        return {
            (action, _resource(resource))
            for statement in statements
            for action in tests.synthesis.listed(statement["Action"])
            for resource in tests.synthesis.listed(statement["Resource"])
        }


def _resource(value: Any) -> str:
    match value:
        case str():
            return value
        case {"Fn::GetAtt": [id, _]}:
            return f"<{re.sub(r'[0-9A-F]{8}$', '', id)}"
        case {"Fn::Join": ["", parts]}:
            return "".join(_resource(part) for part in parts)
    raise ValueError(value)


def bare_stack(name: str = "Rings", **props: Any) -> Stack:
    return Stack(App(), name, env=props.pop("env", ENV), **props)


def add_pipeline(stack: Stack, registry: ModelRegistry, **props: Any) -> TrainingPipeline:
    return TrainingPipeline(stack, "Training", pipeline_name="rings", folder=PIPELINE, registry=registry, **props)


def add_endpoint(stack: Stack, registry: ModelRegistry, **props: Any) -> ModelEndpoint:
    values = {"endpoint_name": "rings", "capacity": Capacity("ml.m5.large"), **props}
    return ModelEndpoint(stack, values.pop("id", "Endpoint"), registry=registry, **values)


def ten_lines(stack: Stack) -> tuple[ModelRegistry, TrainingPipeline, ModelEndpoint]:
    """What the app in `app/` makes."""
    registry = ModelRegistry(stack, "Registry", model_package_group_name="rings")
    pipeline = add_pipeline(stack, registry)
    gc.collect()  # nobody but the library itself keeps the defaults
    return registry, pipeline, add_endpoint(stack, registry)
