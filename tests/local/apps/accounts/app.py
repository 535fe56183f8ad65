"""A stack of a tools account, whose function works in the stack of another account through a role there."""

import os
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sagemaker as sagemaker

ASKER, ANSWERER = "accounts-asker", "accounts-answerer"


def function(scope: cdk.Stack, handler: str, role: iam.IRole | None = None, **environment: str) -> lambda_.Function:
    return lambda_.Function(
        scope,
        handler,
        function_name=f"accounts-{handler}",
        role=role,
        runtime=lambda_.Runtime.PYTHON_3_13,
        code=lambda_.Code.from_asset(str(Path(__file__).parent / "functions")),
        handler=f"accounts.{handler}",
        environment=environment,
    )


class ToolsStack(cdk.Stack):
    """A function that asks in the other account what model package group there is."""

    def __init__(self, scope: cdk.App, name: str, env: cdk.Environment, other: cdk.Environment) -> None:
        super().__init__(scope, name, env=env)
        role = iam.Role(self, "Role", role_name=ASKER, assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        answerer = f"arn:aws:iam::{other.account}:role/{ANSWERER}"
        role.add_to_policy(iam.PolicyStatement(actions=["sts:AssumeRole"], resources=[answerer]))
        function(self, "ask", role, ROLE=answerer, REGION=str(other.region))


class StageStack(cdk.Stack):
    """What the other account has: a registry with a function that its events reach, and the role to work in it."""

    def __init__(self, scope: cdk.App, name: str, env: cdk.Environment, tools: cdk.Environment) -> None:
        super().__init__(scope, name, env=env)
        asker = {"aws:PrincipalArn": f"arn:aws:iam::{tools.account}:role/{ASKER}"}
        trusted = iam.AccountPrincipal(tools.account).with_conditions({"ArnEquals": asker})
        role = iam.Role(self, "Role", role_name=ANSWERER, assumed_by=trusted)
        role.add_to_policy(iam.PolicyStatement(actions=["sagemaker:DescribeModelPackageGroup"], resources=["*"]))
        sagemaker.CfnModelPackageGroup(self, "Group", model_package_group_name="accounts")
        ecr.Repository(self, "Repository", repository_name="accounts")
        note = function(self, "note")
        note.add_to_role_policy(iam.PolicyStatement(actions=["ssm:PutParameter"], resources=["*"]))
        pattern = events.EventPattern(source=["aws.sagemaker"])
        events.Rule(self, "Rule", event_pattern=pattern, targets=[targets.LambdaFunction(note)])


app = cdk.App()
tools = cdk.Environment(account=os.environ["TOOLS_ACCOUNT"], region=os.environ["TOOLS_REGION"])
stage = cdk.Environment(account=os.environ["STAGE_ACCOUNT"], region=os.environ["STAGE_REGION"])
ToolsStack(app, "AccountsTools", tools, stage)
StageStack(app, "AccountsStage", stage, tools)
app.synth()
