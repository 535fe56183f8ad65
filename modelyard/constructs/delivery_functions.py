"""The functions of the delivery pipeline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from constructs import Construct

from modelyard import names
from modelyard.constructs.arns import Arns
from modelyard.constructs.delivery_access import function_of
from modelyard.constructs.handler import Handler
from modelyard.constructs.part import Part
from modelyard.constructs.permissions import Permissions

__all__ = ["DeliveryFunctions"]

# Neither has a resource level.
_REPORT = ["codepipeline:PutJobFailureResult", "codepipeline:PutJobSuccessResult"]


@dataclass(frozen=True)
class _Function:
    handler: str
    description: str
    minutes: int = 5
    memory_size: int = 256
    environment: Mapping[str, str] = field(default_factory=dict)


def _role(purpose: str) -> str:
    return names.delivery_role("{stage}", purpose)


_FUNCTIONS = {
    "verdict": _Function("delivery.verdict.handle", "says which tests failed", minutes=1),
    "plan": _Function("delivery.plan.handle", "says what a stage's deployment would change", memory_size=512),
    "train": _Function(
        "delivery.train.handle",
        "starts the pipelines whose definition or data changed",
        minutes=15,
        environment={"ACCESS_ROLE": _role("train")},
    ),
    "promote": _Function(
        "delivery.promote.handle",
        "registers in a stage what serves in the one before",
        minutes=15,
        memory_size=1024,
        environment={"SOURCE_ROLE": _role("promote-from"), "TARGET_ROLE": _role("promote-to")},
    ),
    "smoke-test": _Function(
        "delivery.smoke_test.handle",
        "compares a stage's answers with recorded ones",
        minutes=15,
        memory_size=512,
        environment={"ACCESS_ROLE": _role("smoke-test")},
    ),
}


class DeliveryFunctions(Part):
    """A Lambda function for each of `names.DELIVERY_PURPOSES`, which may tell CodePipeline a job's result.

    In a stage a function works by the roles that the stage has for it. The one that plans works by those of
    `cdk bootstrap`, which are there before the stage's first deployment.

    Args:
        access: for each stage its account and what is done there, see `purposes_of`.
        deploy_roles: ARNs of the roles by which stacks are deployed to the stages that are planned for.

    Attributes:
        arns: the functions' ARNs.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        access: Mapping[str, tuple[str, Sequence[str]]],
        deploy_roles: Sequence[str],
    ) -> None:
        super().__init__(scope, id)
        arns = Arns.of(scope)
        roles: dict[str, list[str]] = {purpose: [] for purpose in names.DELIVERY_PURPOSES}
        roles["plan"] = list(deploy_roles)
        for stage, (account, purposes) in access.items():
            for purpose in purposes:
                role = f"arn:{arns.partition}:iam::{account}:role/{names.delivery_role(stage, purpose)}"
                roles[function_of(purpose)].append(role)
        self.arns: list[str] = []
        for purpose, assumed in roles.items():
            function = _FUNCTIONS[purpose]
            permissions = Permissions()
            permissions.allow(_REPORT, "*", because="the action has no resource-level permissions")
            if assumed:
                permissions.allow(["sts:AssumeRole"], *assumed)
            Handler(
                self,
                "".join(part.capitalize() for part in purpose.split("-")),
                folder="delivery",
                handler=function.handler,
                description=f"Modelyard: {function.description}",
                permissions=permissions,
                name=names.delivery_function(purpose),
                environment={"PARTITION": arns.partition, **function.environment},
                timeout_seconds=60 * function.minutes,
                memory_size=function.memory_size,
            )
            self.arns.append(arns.arn("lambda", f"function:{names.delivery_function(purpose)}"))
