"""A stack whose custom resource goes through CDK's Provider framework: Node functions and a Step Functions waiter."""

import os
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import custom_resources


class WaiterStack(cdk.Stack):
    """One custom resource named by the environment variable GREETING, output ``Asked``."""

    def __init__(self, scope: cdk.App, name: str) -> None:
        super().__init__(scope, name)
        code = lambda_.Code.from_asset(str(Path(__file__).parent / "functions"))
        functions = [
            lambda_.Function(self, handler, runtime=lambda_.Runtime.PYTHON_3_13, code=code, handler=f"waiter.{handler}")
            for handler in ("on_event", "is_complete")
        ]
        for function in functions:
            function.add_to_role_policy(
                iam.PolicyStatement(actions=["ssm:GetParameter", "ssm:PutParameter"], resources=["*"])
            )
        provider = custom_resources.Provider(
            self,
            "Provider",
            on_event_handler=functions[0],
            is_complete_handler=functions[1],
            query_interval=cdk.Duration.seconds(1),
            total_timeout=cdk.Duration.minutes(5),
        )
        resource = cdk.CustomResource(
            self,
            "Waiter",
            service_token=provider.service_token,
            properties={"Name": "/waiter/count", "Greeting": os.environ.get("GREETING", "hello")},
        )
        cdk.CfnOutput(self, "Asked", value=resource.get_att_string("Asked"))


app = cdk.App()
WaiterStack(app, "Waiter")
app.synth()
