"""The stacks of a cloud assembly of the CDK, in the zip file that a build made of it.

https://github.com/aws/aws-cdk/tree/main/packages/%40aws-cdk/cloud-assembly-schema says what its manifest holds.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Stack", "stacks_of"]

_MANIFEST = "manifest.json"


@dataclass(frozen=True, eq=False)
class Stack:
    """A stack of an assembly.

    Attributes:
        name: in CloudFormation.
        template_object: bucket and key of its published template.
        deploy_role: ARN of the role that makes its change sets.
        execution_role: ARN of the role by which CloudFormation makes its resources; empty where it says none.
        resources: how many its template has.
        parameters: of its template, with whether they have a default.
        needs: the outputs of other stacks that it refers to, as stack and output.
    """

    name: str
    template_object: str
    deploy_role: str
    execution_role: str
    resources: int
    parameters: Mapping[str, bool]
    needs: tuple[tuple[str, str], ...]


def stacks_of(archive: zipfile.ZipFile, prefix: str) -> list[Stack]:
    """The stacks whose names begin with `prefix`, in the assembly's order."""
    artifacts = json.loads(archive.read(_MANIFEST))["artifacts"]
    found = []
    for id, artifact in artifacts.items():
        properties = artifact.get("properties", {})
        name = properties.get("stackName", id)
        if artifact["type"] != "aws:cloudformation:stack" or not name.startswith(prefix):
            continue
        template = json.loads(archive.read(properties["templateFile"]))
        parameters = {key: "Default" in value for key, value in template.get("Parameters", {}).items()}
        found.append(
            Stack(
                name=name,
                template_object=_resolved(properties["stackTemplateAssetObjectUrl"]).removeprefix("s3://"),
                deploy_role=_resolved(properties["assumeRoleArn"]),
                execution_role=_resolved(properties.get("cloudFormationExecutionRoleArn", "")),
                resources=len(template.get("Resources", {})),
                parameters=parameters,
                needs=tuple(dict.fromkeys(_needs(template))),
            )
        )
    return found


def _needs(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for item in value:
            yield from _needs(item)
    elif isinstance(value, dict):
        output = value.get("Fn::GetStackOutput")
        if isinstance(output, dict):
            yield output["StackName"], output["OutputName"]
        for item in value.values():
            yield from _needs(item)


def _resolved(text: str) -> str:
    return text.replace("${AWS::Partition}", os.environ.get("PARTITION", "aws"))
