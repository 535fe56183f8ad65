"""Synthesises a platform with every rule on: `python -m tests.stacks.validated OUTDIR [SETTINGS.yaml] [flaw]`.

With `flaw`, something is in it that both cdk-nag and CloudFormation's own rules have to find.
"""

import os
import sys
from pathlib import Path

os.environ["CDK_VALIDATION"] = "true"

import aws_cdk as cdk
import cdk_nag
from aws_cdk import aws_iam as iam

from tests.synthesis import SETTINGS, build

settings = next((Path(argument) for argument in sys.argv[2:] if argument.endswith(".yaml")), SETTINGS)
app = build(settings, Path(sys.argv[1]))
cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app), cdk_nag.NIST80053R5Checks(app))
if "flaw" in sys.argv:
    stack = cdk.Stack(app, "Flawed")
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    role.add_to_policy(iam.PolicyStatement(actions=["s3:*"], resources=["*"]))
    cdk.CfnResource(stack, "Queue", type="AWS::SQS::Queue", properties={"DelaySeconds": "soon"})
app.synth()
