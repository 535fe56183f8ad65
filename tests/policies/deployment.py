"""What synthesised templates would be once deployed: their resources, with every intrinsic function resolved.

A resource without a name of its own is known as `<stack>-<logicalId>`, without the suffix that CloudFormation adds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["HASH", "Deployment", "Resource", "Stack", "stacks_of"]

HASH = "0" * 8
"""Stands for the SHA-256 of a content."""

_HASH = re.compile(r"\b[0-9a-f]{64}\b")
_NO_VALUE = object()
_SSM = re.compile(r"\{\{resolve:ssm:([^:}]+)(?::\d+)?\}\}")

# The property that names a resource, and its ARN; see "Resource types" in the Service Authorization Reference.
_KINDS = {
    "AWS::CodeBuild::Project": ("Name", "arn:{partition}:codebuild:{region}:{account}:project/{name}"),
    "AWS::CodePipeline::Pipeline": ("Name", "arn:{partition}:codepipeline:{region}:{account}:{name}"),
    "AWS::DynamoDB::Table": ("TableName", "arn:{partition}:dynamodb:{region}:{account}:table/{name}"),
    "AWS::ECR::Repository": ("RepositoryName", "arn:{partition}:ecr:{region}:{account}:repository/{name}"),
    "AWS::Events::Rule": ("Name", "arn:{partition}:events:{region}:{account}:rule/{name}"),
    "AWS::IAM::Role": ("RoleName", "arn:{partition}:iam::{account}:role/{name}"),
    "AWS::KMS::Key": ("", "arn:{partition}:kms:{region}:{account}:key/{name}"),
    "AWS::Lambda::Function": ("FunctionName", "arn:{partition}:lambda:{region}:{account}:function:{name}"),
    "AWS::Logs::LogGroup": ("LogGroupName", "arn:{partition}:logs:{region}:{account}:log-group:{name}:*"),
    "AWS::S3::Bucket": ("BucketName", "arn:{partition}:s3:::{name}"),
    "AWS::SNS::Topic": ("TopicName", "arn:{partition}:sns:{region}:{account}:{name}"),
    "AWS::SQS::Queue": ("QueueName", "arn:{partition}:sqs:{region}:{account}:{name}"),
    "AWS::SSM::Parameter": ("Name", "arn:{partition}:ssm:{region}:{account}:parameter{name}"),
}
_REFERRED_BY_ARN = {"AWS::SNS::Topic"}


@dataclass(frozen=True)
class Resource:
    """A resource of a stack, resolved."""

    stack: Stack
    id: str
    type: str
    properties: Mapping[str, Any]
    name: str
    arn: str
    """Empty for the kinds of resource that policies do not name."""


@dataclass
class Stack:
    """A template, and where it is deployed.

    Args:
        name: its name.
        account: where it is deployed.
        region: likewise.
        template: as synthesised.
        parameters: what it is given; one that has neither this nor a default is known as `<its name>`.
        deployed: all stacks of the deployment, for values of others.
    """

    name: str
    account: str
    region: str
    template: Mapping[str, Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    deployed: Sequence[Stack] = ()

    def resources(self) -> Iterator[Resource]:
        """Those whose condition is met."""
        for id, declared in self.template["Resources"].items():
            if self._met(declared.get("Condition")):
                properties = self.resolve(declared.get("Properties", {}))
                name = self._name(id, declared["Type"], properties)
                yield Resource(self, id, declared["Type"], properties, name, self._arn(id))

    def output(self, name: str) -> Any:
        """The value of an output."""
        return self.resolve(self.template["Outputs"][name]["Value"])

    def resolve(self, value: Any) -> Any:
        """`value` without intrinsic functions; raises ValueError for a function that is not known."""
        if isinstance(value, str):
            return _SSM.sub(lambda found: self._parameter_value(found.group(1)), value)
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Ref" or function.startswith("Fn::"):
                return self._call(function, argument)
        resolved = {name: self.resolve(item) for name, item in value.items()}
        return {name: item for name, item in resolved.items() if item is not _NO_VALUE}

    def _call(self, function: str, argument: Any) -> Any:
        match function:
            case "Ref":
                return self._ref(argument)
            case "Fn::GetAtt":
                id, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
                return self._attribute(id, attribute)
            case "Fn::Join":
                delimiter, parts = argument
                return str(delimiter).join(map(str, self.resolve(parts)))
            case "Fn::Sub":
                text, given = (argument, {}) if isinstance(argument, str) else argument
                return re.sub(r"\$\{([^!}]+)\}", lambda found: str(self._named(found.group(1), given)), text)
            case "Fn::Select":
                index, values = argument
                return self.resolve(values)[int(index)]
            case "Fn::Split":
                delimiter, text = argument
                return str(self.resolve(text)).split(delimiter)
            case "Fn::If":
                condition, then, otherwise = argument
                return self.resolve(then if self._met(condition) else otherwise)
            case "Fn::GetStackOutput":
                return self._other(argument["StackName"]).output(argument["OutputName"])
            case "Fn::ImportValue":
                return self._imported(self.resolve(argument))
        raise ValueError(f"{self.name}: the function {function} is not known")

    def _named(self, name: str, given: Mapping[str, Any]) -> Any:
        if name in given:
            return self.resolve(given[name])
        return self._attribute(*name.split(".", 1)) if "." in name else self._ref(name)

    def _ref(self, name: str) -> Any:
        pseudo = {
            "AWS::AccountId": self.account,
            "AWS::NoValue": _NO_VALUE,
            "AWS::Partition": "aws",
            "AWS::Region": self.region,
            "AWS::StackName": self.name,
            "AWS::URLSuffix": "amazonaws.com",
        }
        if name in pseudo:
            return pseudo[name]
        declared = self.template["Resources"].get(name)
        if declared is None:
            parameter = self.template["Parameters"][name]
            return self.parameters.get(name, parameter.get("Default", f"<{name}>"))
        if declared["Type"] in _REFERRED_BY_ARN:
            return self._arn(name)
        return self._name(name, declared["Type"], declared.get("Properties", {}))

    def _attribute(self, id: str, attribute: str) -> str:
        arn = self._arn(id) if attribute in ("Arn", "TopicArn") else ""
        return arn or f"<{self.name}-{id}.{attribute}>"

    def _name(self, id: str, type: str, properties: Mapping[str, Any]) -> str:
        given = properties.get(_KINDS.get(type, ("", ""))[0])
        suffix = ".fifo" if type == "AWS::SQS::Queue" and properties.get("FifoQueue") else ""
        return str(self.resolve(given)) if given is not None else f"{self.name}-{id}{suffix}"

    def _arn(self, id: str) -> str:
        declared = self.template["Resources"][id]
        name = self._name(id, declared["Type"], declared.get("Properties", {}))
        place = {"partition": "aws", "region": self.region, "account": self.account}
        return _KINDS.get(declared["Type"], ("", ""))[1].format(name=name, **place)

    def _met(self, condition: Any) -> bool:
        if condition is None:
            return True
        if isinstance(condition, str):
            return self._met(self.template["Conditions"][condition])
        ((function, argument),) = condition.items()
        match function:
            case "Condition":
                return self._met(argument)
            case "Fn::Not":
                return not self._met(argument[0])
            case "Fn::And":
                return all(map(self._met, argument))
            case "Fn::Or":
                return any(map(self._met, argument))
            case "Fn::Equals":
                left, right = self.resolve(argument)
                return bool(left == right)
        raise ValueError(f"{self.name}: the condition {function} is not known")

    def _other(self, name: str) -> Stack:
        (found,) = [stack for stack in self.deployed if (stack.account, stack.name) == (self.account, name)]
        return found

    def _imported(self, export: str) -> Any:
        """The value of an output of a stack of this account and region, by the name of its export."""
        for stack in self.deployed:
            for name, output in stack.template.get("Outputs", {}).items():
                exported = stack.resolve(output.get("Export", {}).get("Name"))
                if (stack.account, stack.region, exported) == (self.account, self.region, export):
                    return stack.output(name)
        raise ValueError(f"{self.name}: nothing exports {export}")

    def _parameter_value(self, name: str) -> str:
        """The value of a parameter of Parameter Store; one that no stack of the account has is known by its name."""
        values = {
            (stack.account, stack._name(id, declared["Type"], declared["Properties"])): (stack, declared["Properties"])
            for stack in self.deployed
            for id, declared in stack.template["Resources"].items()
            if declared["Type"] == "AWS::SSM::Parameter"
        }
        if (self.account, name) not in values:
            return f"<{name}>"
        stack, properties = values[(self.account, name)]
        return str(stack.resolve(properties["Value"]))


class Deployment:
    """Stacks, deployed.

    Attributes:
        resources: those of all stacks.
    """

    def __init__(self, stacks: Sequence[Stack]) -> None:
        for stack in stacks:
            stack.deployed = stacks
        self.resources = [resource for stack in stacks for resource in stack.resources()]

    def of_type(self, type: str) -> list[Resource]:
        """The resources of a type."""
        return [resource for resource in self.resources if resource.type == type]


def stacks_of(assembly: Path) -> list[Stack]:
    """The stacks of the cloud assembly in the folder `assembly`; hashes, which change with its contents, are zeros."""
    stacks = []
    for id, artifact in json.loads((assembly / "manifest.json").read_text())["artifacts"].items():
        if artifact["type"] == "aws:cloudformation:stack":
            account, region = artifact["environment"].removeprefix("aws://").split("/")
            properties = artifact["properties"]
            template = json.loads(_HASH.sub(HASH, (assembly / properties["templateFile"]).read_text()))
            stacks.append(Stack(properties.get("stackName", id), account, region, template))
    return stacks
