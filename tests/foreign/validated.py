"""Synthesises the ten lines, in a VPC and with a schedule, every rule on: `python -m tests.foreign.validated`."""

import os
import sys

from tests.foreign.stacks import Template, add_endpoint, add_pipeline, bare_stack

os.environ["CDK_VALIDATION"] = "true"

import cdk_nag
from aws_cdk import App, Validations

from modelyard import ModelRegistry, Network, StackDefaults

stack = bare_stack()
StackDefaults(stack, retain="retained" in sys.argv)
app = stack.node.root
assert isinstance(app, App)
Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app), cdk_nag.NIST80053R5Checks(app))
registry = ModelRegistry(stack, "Registry", model_package_group_name="rings")
network = Network(subnet_ids=("subnet-0a1b2c3d",), security_group_ids=("sg-0a1b2c3d",))
add_pipeline(stack, registry, network=network, schedule="rate(1 day)")
add_endpoint(stack, registry, network=network)
Template(stack)
