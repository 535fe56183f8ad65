"""The stage's network for every job of a pipeline that does not name one of its own."""

from typing import Any

from modelyard.pipeline_defs.compiler import sentinels
from modelyard.pipeline_defs.compiler.definition import steps
from modelyard.pipeline_defs.compiler.errors import PipelineDefinitionError


def apply_network(
    definition: dict[str, Any], subnets: int, security_groups: int, isolation: bool
) -> list[tuple[str, str, str]]:
    """Put the network into processing and training jobs; the sentinels that stand for its ids.

    Raises:
        PipelineDefinitionError: subnets without security groups, or the reverse: a VPC needs both.
    """
    if bool(subnets) != bool(security_groups):
        raise PipelineDefinitionError(
            f"network: {subnets} subnets and {security_groups} security groups; jobs in a VPC need at least one of each"
        )
    subnet_ids = [sentinels.subnet(index) for index in range(subnets)]
    group_ids = [sentinels.security_group(index) for index in range(security_groups)]
    vpc = {
        "Subnets": [literal for _, _, literal in subnet_ids],
        "SecurityGroupIds": [literal for _, _, literal in group_ids],
    }
    settings = {**({"VpcConfig": vpc} if subnets else {}), **({"EnableNetworkIsolation": True} if isolation else {})}
    for step in steps(definition):
        arguments = step.get("Arguments", {})
        if step["Type"] == "Processing" and settings:
            arguments["NetworkConfig"] = settings | arguments.get("NetworkConfig", {})
        elif step["Type"] == "Training":
            step["Arguments"] = settings | arguments
    return [*subnet_ids, *group_ids]
