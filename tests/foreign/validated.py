"""Synthesises the ten lines, in a VPC and with a schedule, every rule on: `python -m tests.foreign.validated KIND`.

KIND is `leaving`, `retained`, or `flaw`: with something that both cdk-nag and CloudFormation's own rules have to find.
"""

import os
import sys

# Before the CDK starts, which reads it then.
os.environ["CDK_VALIDATION"] = "true"

import modelyard.cdk_app  # noqa: F401

# isort: split
from aws_cdk import App, Stack

from modelyard import ModelRegistry, Network, StackDefaults, add_rules
from tests.flaw import add_flaw
from tests.foreign.stacks import Template, add_endpoint, add_pipeline, bare_stack

stack = bare_stack()
StackDefaults(stack, retain="retained" in sys.argv)
app = stack.node.root
assert isinstance(app, App)
add_rules(app)
registry = ModelRegistry(stack, "Registry", model_package_group_name="rings")
network = Network(subnet_ids=("subnet-0a1b2c3d",), security_group_ids=("sg-0a1b2c3d",))
add_pipeline(stack, registry, network=network, schedule="rate(1 day)")
add_endpoint(stack, registry, network=network)
if "flaw" in sys.argv:
    add_flaw(Stack(app, "Flawed"))
Template(stack)
