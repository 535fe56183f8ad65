"""What the roles may do where jobs and endpoints run in a VPC."""

from __future__ import annotations

from aws_cdk import aws_iam as iam

from modelyard import ArtifactStore, ExecutionRoles, ModelRegistry, StackDefaults
from tests.foreign.stacks import NETWORK, Template, add_endpoint, add_pipeline, bare_stack, ten_lines


def test_an_imported_role_may_make_network_interfaces_by_a_policy_of_the_endpoint() -> None:
    stack = bare_stack()
    role = iam.Role.from_role_name(stack, "Own", "theirs")
    registry = ModelRegistry(stack, "Registry", model_package_group_name="rings")
    add_endpoint(stack, registry, role=role, network=NETWORK)
    template = Template(stack)
    assert "ec2:CreateNetworkInterface" in template.policies("EndpointVpc")
    (policy,) = [each for id, each in template.resources.items() if id.startswith("EndpointVpc")]
    assert policy["Properties"]["Roles"] == ["theirs"]


def test_roles_that_may_already_are_told_nothing_more_of_a_vpc() -> None:
    stack = bare_stack()
    store = ArtifactStore(stack, "Store")
    roles = ExecutionRoles(stack, "Roles", store=store, in_vpc=True)
    StackDefaults(stack, roles=roles)
    registry = ModelRegistry(stack, "Registry", model_package_group_name="rings")
    add_pipeline(stack, registry, network=NETWORK)
    add_endpoint(stack, registry, network=NETWORK)
    template = Template(stack)
    for role in ("Job", "Endpoint"):
        assert template.policies(f"Roles{role}").count('"ec2:CreateNetworkInterface"') == 1


def test_in_a_vpc_the_roles_may_make_network_interfaces() -> None:
    stack = bare_stack()
    registry = ModelRegistry(stack, "Registry", model_package_group_name="rings")
    add_pipeline(stack, registry, network=NETWORK)
    add_endpoint(stack, registry, network=NETWORK)
    template = Template(stack)
    without = bare_stack()
    ten_lines(without)
    rings = Template(without)
    for role in ("Job", "Endpoint"):
        assert "ec2:CreateNetworkInterface" in template.policies(f"ModelyardRoles{role}Vpc")
        assert rings.policies(f"ModelyardRoles{role}Vpc") == "[]"
