"""A Lambda function whose code is a folder of `modelyard/lambdas`."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct, IConstruct

from modelyard.constructs.arns import Arns
from modelyard.constructs.file_assets import file_asset
from modelyard.constructs.part import Part
from modelyard.constructs.permissions import Permissions, trust
from modelyard.constructs.resource import token
from modelyard.constructs.sources import NOT_SOURCES

RUNTIME = "python3.14"
"""What every function of the platform runs on."""

_TIMEOUT_SECONDS = 60
WRITE_LOG = ["logs:CreateLogStream", "logs:PutLogEvents"]

LAMBDAS = Path(__file__).parent.parent / "lambdas"


class Handler(Part):
    """A Python function with a role of its own, which allows it to write its log and nothing else.

    The asset holds one folder as a package, whose modules import each other relatively, in the function as in a test,
    and beside it `answering`, which runs custom resources.

    Args:
        folder: the folder of `modelyard/lambdas`.
        handler: module and function, such as `serving.wake.handler`.
        description: shown by Lambda.
        permissions: what it may do besides. Default: nothing.
        name: of the function and of its role, where others know them by name. Default: CloudFormation's.
        environment: variables of the function. Default: none.
        timeout_seconds: how long an invocation may take. Default: one minute.
        memory_size: MB. Default: 256.
        dead_letter_queue_arn: where events go that the function failed on, when invoked asynchronously. Default:
            nowhere.

    Attributes:
        permissions: what the function may do; more is to be followed by `attach`.
        function_name: the function's name.
        function_arn: the function's ARN.
        log_group_name: where the function writes its log.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        folder: str,
        handler: str,
        description: str,
        permissions: Permissions | None = None,
        name: str | None = None,
        environment: Mapping[str, str] | None = None,
        timeout_seconds: int = _TIMEOUT_SECONDS,
        memory_size: int = 256,
        dead_letter_queue_arn: str | None = None,
    ) -> None:
        super().__init__(scope, id)
        log_group = logs.CfnLogGroup(self, "Logs", retention_in_days=30)
        self.log_group_name = log_group.ref
        self.permissions = permissions or Permissions()
        allow_log(self.permissions, self, self.log_group_name, WRITE_LOG)
        if dead_letter_queue_arn:
            self.permissions.allow(["sqs:SendMessage"], dead_letter_queue_arn)
        self._role = iam.CfnRole(
            self,
            "Role",
            role_name=name,
            assume_role_policy_document=trust("lambda.amazonaws.com"),
            policies=self.permissions.policies(),
        )
        self.permissions.acknowledge(self._role, self)
        code = file_asset(self, LAMBDAS, exclude=["/*", f"!/{folder}", "!/answering.py", *NOT_SOURCES, "*.md"])
        self._function = lambda_.CfnFunction(
            self,
            "Function",
            code={"s3Bucket": token(code, "s3_bucket_name"), "s3Key": token(code, "s3_object_key")},
            handler=handler,
            runtime=RUNTIME,
            description=description,
            function_name=name,
            environment={"variables": environment} if environment else None,
            timeout=timeout_seconds,
            memory_size=memory_size,
            role=self._role.attr_arn,
            logging_config={"logGroup": self.log_group_name},
            dead_letter_config={"targetArn": dead_letter_queue_arn} if dead_letter_queue_arn else None,
        )

    def attach(self) -> None:
        """Give the function the permissions that were said after it was made."""
        self._role.policies = self.permissions.policies()
        self.permissions.acknowledge(self._role, self)

    @property
    def function_name(self) -> str:
        """The function's name."""
        return token(self._function, "ref")

    @property
    def function_arn(self) -> str:
        """The function's ARN."""
        return token(self._function, "attr_arn")

    @cached_property
    def function(self) -> lambda_.IFunction:
        """The function, for what the CDK builds upon it."""
        return lambda_.Function.from_function_attributes(
            self, "Known", function_arn=self.function_arn, role=self.role, same_environment=True
        )

    @cached_property
    def role(self) -> iam.IRole:
        """The function's role, for what is given to it besides `permissions`."""
        return iam.Role.from_role_name(self, "KnownRole", self._role.ref)


def allow_log(permissions: Permissions, scope: IConstruct, log_group_name: str, actions: Sequence[str]) -> None:
    """Let a role do `actions` with the streams of a log group of the stack of `scope`."""
    streams = Arns.of(scope).arn("logs", f"log-group:{log_group_name}:*")
    permissions.allow(actions, streams, because="a log's streams are made as they are written")
