"""What the stacks of the platform have in common."""

from aws_cdk import Environment, PermissionsBoundary, Stack
from constructs import Construct

from modelyard.constructs.acknowledged import acknowledge_for_platform
from modelyard.constructs.arns import Arns
from modelyard.constructs.part import tell_app
from modelyard.settings import Delivery, Stage


class PlatformStack(Stack):
    """A stack in a known account and region.

    Args:
        account: where it stands.
        region: where it stands.
        description: shown by CloudFormation.
        protected: whether CloudFormation refuses to delete it until its termination protection is taken off.
        permissions_boundary: ARN of the boundary of all its roles. Default: none.
        stack_name: its name in CloudFormation. Default: `id`.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        account: str,
        region: str,
        description: str,
        protected: bool = False,
        permissions_boundary: str | None = None,
        stack_name: str | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            stack_name=stack_name,
            description=description,
            env=Environment(account=account, region=region),
            termination_protection=protected,
            permissions_boundary=PermissionsBoundary.from_arn(permissions_boundary) if permissions_boundary else None,
        )
        tell_app(self, scope)
        Arns.tell(self, account, region)
        acknowledge_for_platform(self)


class StageStack(PlatformStack):
    """A stack in a stage's account and region, whose roles have the stage's permissions boundary.

    Args:
        stage: where it stands.
        description: shown by CloudFormation.
        protected: whether CloudFormation refuses to delete it until its termination protection is taken off.
    """

    def __init__(self, scope: Construct, id: str, *, stage: Stage, description: str, protected: bool = False) -> None:
        super().__init__(
            scope,
            id,
            account=stage.account,
            region=stage.region,
            description=description,
            protected=protected,
            permissions_boundary=stage.permissions_boundary,
        )
        self.stage_settings = stage


class DeliveryAccountStack(PlatformStack):
    """A stack in the delivery's account, whose roles have the delivery's permissions boundary.

    Args:
        delivery: where it stands.
        region: of the delivery, or another one that it delivers to.
        description: shown by CloudFormation.
    """

    def __init__(self, scope: Construct, id: str, *, delivery: Delivery, region: str, description: str) -> None:
        super().__init__(
            scope,
            id,
            account=delivery.account,
            region=region,
            description=description,
            protected=not delivery.disposable,
            permissions_boundary=delivery.permissions_boundary,
        )
