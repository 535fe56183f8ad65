"""A Lambda function whose code is a folder of `modelyard/lambdas`."""

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import Duration, IgnoreMode, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from modelyard.constructs.permissions import Permissions
from modelyard.constructs.resource import service_principal
from modelyard.constructs.sources import NOT_SOURCES

RUNTIME = lambda_.Runtime.PYTHON_3_14
"""What every function of the platform runs on."""

_TIMEOUT = Duration.minutes(1)

LAMBDAS = Path(__file__).parent.parent / "lambdas"


class Handler(Construct):
    """A Python function with a role of its own, which allows it to write its log and nothing else.

    The asset holds one folder as a package, so that a handler is named `<folder>.<module>.<function>` and its modules
    import each other relatively, in the function as in a test.

    Args:
        folder: the folder of `modelyard/lambdas`.
        handler: module and function in the folder, such as `wake.handler`.
        description: shown by Lambda.
        name: of the function and of its role, where others know them by name. Default: CloudFormation's.
        environment: variables of the function. Default: none.
        timeout: how long an invocation may take. Default: one minute.
        memory_size: MB. Default: 256.
        dead_letter_queue: where events go that the function failed on, when invoked asynchronously. Default: nowhere.

    Attributes:
        function: the function.
        role: the function's role.
        permissions: what the role may do; to be attached.
        log_group: where the function writes its log.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        folder: str,
        handler: str,
        description: str,
        name: str | None = None,
        environment: Mapping[str, str] | None = None,
        timeout: Duration | None = None,
        memory_size: int = 256,
        dead_letter_queue: sqs.IQueue | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.log_group = log_group_of(self)
        self.role = function_role(self, "Role", self.log_group, name)
        self.permissions = Permissions(self.role)
        self.function = lambda_.Function(
            self,
            "Function",
            code=lambda_.Code.from_asset(
                str(LAMBDAS), exclude=["/*", f"!/{folder}", *NOT_SOURCES, "*.md"], ignore_mode=IgnoreMode.GIT
            ),
            handler=f"{folder}.{handler}",
            runtime=RUNTIME,
            description=description,
            function_name=name,
            environment=dict(environment or {}),
            timeout=timeout or _TIMEOUT,
            memory_size=memory_size,
            role=self.role,
            log_group=self.log_group,
            dead_letter_queue=dead_letter_queue,
        )


def log_group_of(scope: Construct) -> logs.LogGroup:
    """A log group for one function; kept a month, gone with its stack."""
    return logs.LogGroup(scope, "Logs", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY)


def function_role(scope: Construct, id: str, log_group: logs.ILogGroup, name: str | None = None) -> iam.Role:
    """A role for functions that write to `log_group`."""
    role = iam.Role(scope, id, role_name=name, assumed_by=service_principal("lambda.amazonaws.com"))
    log_group.grant_write(role)
    return role
