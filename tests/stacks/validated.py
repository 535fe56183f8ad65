"""Synthesises a platform with every rule on: `python -m tests.stacks.validated OUTDIR [SETTINGS.yaml] [flaw]`.

With `flaw`, something is in it that both cdk-nag and CloudFormation's own rules have to find.
"""

import os
import sys
from pathlib import Path

os.environ["CDK_VALIDATION"] = "true"

import modelyard.cdk_app  # noqa: F401

# isort: split
import aws_cdk as cdk

from modelyard import add_rules
from tests.flaw import add_flaw
from tests.synthesis import SETTINGS, build

settings = next((Path(argument) for argument in sys.argv[2:] if argument.endswith(".yaml")), SETTINGS)
app = build(settings, Path(sys.argv[1]))
add_rules(app)
if "flaw" in sys.argv:
    add_flaw(cdk.Stack(app, "Flawed"))
app.synth()
